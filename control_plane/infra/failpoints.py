"""Places where a test may kill, pause or raise. Unarmed, which is how production runs, each costs a
dictionary look-up.

Names are registered here and nowhere else, so that a test can see that each of them is exercised.
"""

import os
import signal
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from control_plane.core.clock import Clock

NAMES = frozenset(
    {
        "signal.before_inbox",
        "signal.after_inbox_commit",
        "signal.before_ack",
        "fanout.after_k_intents",
        "risk.before_commit",
        "send.after_wal_commit",
        "send.before_socket_write",
        "send.after_socket_write",
        "send.after_reply",
        "send.after_record",
        "protect.before_sl",
        "protect.after_sl_reply",
        "reconcile.before_look",
        "reconcile.after_look",
        "reconcile.before_bind",
        "cancel.after_send",
        "exit.after_send",
        "lease.after_acquire",
        "lease.before_renew",
        "launch.before_create",
        "launch.after_create",
        "launch.after_start",
        "launch.before_record",
        "job.before_create",
        "job.after_create",
        "job.after_start",
        "job.after_chunk_commit",
        "job.after_result_commit",
        "kek.after_rewrap_row",
    }
)

Effect = Literal["kill", "stop", "pause", "raise"]


class FailpointRaised(Exception):
    """What an armed fail point of the kind `raise` throws: an exception that nothing expects."""


@dataclass(frozen=True)
class Arming:
    effect: Effect
    seconds: float = 0.0
    skip: int = 0  # let this many passes through first


@dataclass
class Failpoints:
    """Armed by `NAME=kill`, `NAME=stop` (the whole process stands still until somebody wakes it),
    `NAME=pause:5` (this task alone does) or `NAME=raise`, each with `@K` to let K passes through;
    comma separated.
    """

    clock: Clock
    armed: dict[str, Arming] = field(default_factory=dict)
    passed: dict[str, int] = field(default_factory=dict)
    kill: Callable[[], None] = field(default=lambda: os.kill(os.getpid(), signal.SIGKILL))
    stop: Callable[[], None] = field(default=lambda: os.kill(os.getpid(), signal.SIGSTOP))

    async def hit(self, name: str) -> None:
        arming = self._due(name)
        if arming is None:
            return

        match arming.effect:
            case "kill":
                self.kill()
            case "stop":
                self.stop()
            case "pause":
                await self.clock.sleep(arming.seconds)
            case "raise":
                raise FailpointRaised(name)

    def hit_inside(self, name: str) -> None:
        """The same inside a transaction, which is a synchronous function."""
        arming = self._due(name)
        if arming is None:
            return

        match arming.effect:
            case "kill":
                self.kill()
            case "stop":
                self.stop()
            case "pause":
                threading.Event().wait(arming.seconds)
            case "raise":
                raise FailpointRaised(name)

    def _due(self, name: str) -> Arming | None:
        if not self.armed:
            return None
        assert name in NAMES, name
        passes = self.passed[name] = self.passed.get(name, 0) + 1
        arming = self.armed.get(name)
        return arming if arming is not None and passes == arming.skip + 1 else None


def parse(text: str) -> Mapping[str, Arming]:
    """Read the setting; ValueError names what is wrong."""
    armed: dict[str, Arming] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        name, _, rest = part.partition("=")
        if name not in NAMES:
            raise ValueError(f"{name!r} is no fail point")
        rest, _, skip = rest.partition("@")
        effect, _, seconds = rest.partition(":")
        if effect not in {"kill", "stop", "pause", "raise"}:
            raise ValueError(f"{effect!r} is no effect: use kill, stop, pause:SECONDS or raise")
        armed[name] = Arming(effect, float(seconds or 0), int(skip or 0))  # type: ignore[arg-type] # checked above
    return armed
