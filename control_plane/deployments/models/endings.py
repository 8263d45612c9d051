"""Why a container ended, in words, and what follows from it."""

import signal
from collections.abc import Sequence
from dataclasses import dataclass, replace

from control_plane.containers.models import Facts
from control_plane.core.ids import Rng
from control_plane.deployments.models.wishes import Observed, Policy
from strategy_runtime import wire

LAST_LINE = 300
CREDIT_MS = 3_000  # of a pause, for the time that passed before an end was written down


@dataclass(frozen=True)
class Ending:
    reason: str
    exit_code: int | None = None
    crashed: bool = True  # which counts toward giving up
    hopeless: bool = False  # the same again would end the same way
    not_its_fault: bool = False  # could not be launched: back off, and never give up
    is_full: bool = False  # its memory limit was reached
    at_ms: int | None = None  # if its engine told


@dataclass(frozen=True)
class Record:
    """How a deployment has fared so far."""

    failures: int  # crashes in a row
    counted_from_ms: int
    crashes_ms: Sequence[int]  # when the latest ones ended, before this one


@dataclass(frozen=True)
class Aftermath:
    observed: Observed
    reason: str
    failures: int
    retry_ms: int


def ending(facts: Facts | None, log_tail: str, memory_mb: int) -> Ending:
    """A clean exit counts as a crash too: nobody asked it to end."""
    found = _ending(facts, log_tail, memory_mb)
    return replace(found, at_ms=None if facts is None else facts.ended_ms)


def _ending(facts: Facts | None, log_tail: str, memory_mb: int) -> Ending:
    if facts is not None and facts.exit_code is None and facts.error:
        told = f"did not run on: {facts.error[:LAST_LINE]}"
        return Ending(told, crashed=False, not_its_fault=True)
    if facts is None or facts.exit_code is None:
        return Ending("its container was removed", crashed=False)

    code = facts.exit_code
    last = last_line(log_tail)
    said = f": {last}" if last else ""
    match code:
        case 137 if facts.out_of_memory:
            return Ending(f"killed: used more than {memory_mb} MB", code, is_full=True)
        case 137 if not facts.tells_memory:
            told = f"killed: perhaps for using more than {memory_mb} MB (exit 137)"
            return Ending(told, code)
        case wire.EXIT_STRATEGY:
            return Ending(last or "the strategy does not start", code, hopeless=True)
        case wire.EXIT_BOOT:
            return Ending(last or "its launch payload could not be had", code)
        case wire.EXIT_ENVIRONMENT:
            return Ending(last or "it was launched wrongly", code)
        case 0:
            return Ending("ended by itself (exit 0)", code)
        case _ if code > 128:
            return Ending(f"{_by_signal(code - 128)} (exit {code})", code)
        case _ if facts.error:
            return Ending(f"did not run: {facts.error[:LAST_LINE]}", code)
        case _:
            child = ", after a child process ran out of memory" if facts.out_of_memory else ""
            return Ending(f"ended with exit {code}{child}{said}", code)


def aftermath(
    end: Ending, record: Record, *, lived_ms: int, now_ms: int, policy: Policy, rng: Rng
) -> Aftermath:
    """Back-off doubling from a second, counted from the end itself, forgiven after ten minutes of
    health; five crashes within ten minutes, and a person must look.
    """
    failures = 1 if lived_ms >= policy.ms(policy.healthy) else record.failures + 1
    if end.hopeless:
        return Aftermath("failed", end.reason, failures, now_ms)
    # Another machine's clock may be wrong, so no more than a little of it is believed.
    ended_ms = max(now_ms - CREDIT_MS, min(now_ms, end.at_ms or now_ms))
    retry_ms = max(now_ms, ended_ms + _pause_ms(failures, policy, rng))
    if end.not_its_fault:
        return Aftermath("pending", end.reason, failures, retry_ms)
    if not end.crashed:
        return Aftermath("restarting", end.reason, record.failures, now_ms)

    since = max(record.counted_from_ms, now_ms - policy.ms(policy.crash_window))
    recent = 1 + sum(1 for at in record.crashes_ms if at >= since)
    if recent >= policy.crashes:
        reason = f"{recent} crashes within {policy.crash_window / 60:g} min, the last: {end.reason}"
        return Aftermath("crash_loop", reason, failures, now_ms)
    return Aftermath("restarting", end.reason, failures, retry_ms)


def _pause_ms(failures: int, policy: Policy, rng: Rng) -> int:
    pause = min(policy.longest_retry, policy.first_retry * 2 ** min(failures - 1, 30))
    return policy.ms(pause * rng.uniform(1 - policy.jitter, 1 + policy.jitter))


def last_line(log_tail: str) -> str:
    return (last_lines(log_tail, 1) or [""])[0]


def last_lines(log_tail: str, most: int) -> list[str]:
    """What its owner is shown of the end of its output."""
    lines = [line.strip()[:LAST_LINE] for line in log_tail.splitlines() if line.strip()]
    return lines[-most:]


def _by_signal(number: int) -> str:
    match number:
        case signal.SIGKILL:
            return "killed from outside"
        case signal.SIGTERM:
            return "ended from outside"
        case signal.SIGSEGV | signal.SIGBUS | signal.SIGILL | signal.SIGABRT:
            return f"crashed in native code: {signal.Signals(number).name}"
        case _ if number in signal.valid_signals():
            return f"ended by {signal.Signals(number).name}"
        case _:
            return "ended"
