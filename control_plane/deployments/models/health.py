"""Whether what runs also works: a heartbeat alone is no health, a decision for each candle is.

Whoever judges must have been able to hear: silence while Redis or the trading role was away says
nothing about the container.
"""

from collections import deque
from dataclasses import dataclass, field

from control_plane.deployments.models.memory import MB, Tide
from control_plane.deployments.models.wishes import Condition, Generation, Policy, Pulse

SAMPLES = 1_000
SHOWN = 300  # characters of what a decision failed with


@dataclass(frozen=True)
class Failing:
    """Decisions in a row that failed, and what the last of them failed with."""

    decisions: int = 0
    failure: str = ""

    def told(self) -> str:
        return f"its last {self.decisions} decisions failed: {self.failure[:SHOWN]}"


@dataclass
class Noise:
    """Who prints more than is kept, as whoever reads the output sees it."""

    loud_since_ms: dict[tuple[str, int], int] = field(default_factory=dict)

    def hear(self, of: tuple[str, int], now_ms: int, *, is_cut: bool) -> None:
        if is_cut:
            self.loud_since_ms.setdefault(of, now_ms)
        else:
            self.loud_since_ms.pop(of, None)


@dataclass
class Watch:
    """What was seen of one live generation, by our own clock."""

    generation: int
    since_ms: int  # we look since then
    last_open_ms: int = -1  # decided last
    progressed_ms: int = 0
    newest_open_ms: int | None = None  # on the bus, when we looked last
    waiting: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))
    tide: Tide | None = None
    failing: Failing = Failing()
    failed_before: int = 0  # of those, by earlier launches
    dropped: int | None = None  # notes, so far
    dropped_ms: int = -1  # when that rose last

    def see(
        self, now_ms: int, *, is_deciding: bool, last_open_ms: int, newest_open_ms: int | None
    ) -> None:
        """Only a candle that came while it was deciding is one that it should decide."""
        if last_open_ms != self.last_open_ms:
            self.last_open_ms, self.progressed_ms = last_open_ms, now_ms
        before, self.newest_open_ms = self.newest_open_ms, newest_open_ms
        if not is_deciding:
            self.waiting.clear()
        elif before is not None and newest_open_ms is not None and newest_open_ms > before:
            self.waiting.append((now_ms, newest_open_ms))
        while self.waiting and self.waiting[0][1] <= self.last_open_ms:
            self.waiting.popleft()

    def feel(self, now_ms: int, pulse: Pulse | None, failing: Failing, window_ms: int) -> None:
        """What it says of itself, and what became of its latest decisions."""
        if self.tide is None:
            self.tide = Tide(window_ms)
            self.failed_before = failing.decisions
        self.failing = failing
        self.failed_before = min(self.failed_before, failing.decisions)
        if pulse is None or pulse.welcomed_ms is None:
            return
        if pulse.rss_bytes:
            self.tide.see(now_ms, pulse.rss_bytes)
        if self.dropped is not None and pulse.dropped > self.dropped:
            self.dropped_ms = now_ms
        self.dropped = pulse.dropped

    def owes(self, now_ms: int, patience_ms: int) -> bool:
        """Such a candle is older than our patience, and nothing at all was decided meanwhile."""
        if not self.waiting or now_ms - self.waiting[0][0] < patience_ms:
            return False
        return now_ms - self.progressed_ms >= patience_ms


def ailment(
    generation: Generation, watch: Watch, heard_since_ms: int | None, now_ms: int, policy: Policy
) -> str | None:
    """Why this generation must be launched anew, if it must. Nothing while nobody could hear it."""
    if heard_since_ms is None:
        return None
    pulse = generation.pulse
    said = (pulse.beat_ms or pulse.hello_ms) if pulse is not None else 0
    started = generation.started_ms or generation.launched_ms
    quiet_since = max(said, started, watch.since_ms, heard_since_ms)
    if now_ms - quiet_since > policy.ms(policy.silence):
        return f"hung: no heartbeat for {policy.silence:g} s"

    patience = policy.ms(policy.decision)
    if now_ms - heard_since_ms > patience and watch.owes(now_ms, patience):
        return f"hung: no decision {policy.decision:g} s after a candle"
    return None


def condition(
    generation: Generation,
    watch: Watch,
    heard_since_ms: int | None,
    now_ms: int,
    policy: Policy,
    *,
    memory_mb: int,
    is_loud: bool = False,
) -> Condition:
    """How it does: hung, failing, straining, or well with something to be said of it."""
    hung = ailment(generation, watch, heard_since_ms, now_ms, policy)
    if hung is not None:
        return Condition(hung)
    failing = watch.failing
    if failing.decisions >= policy.failing_hopeless:
        return Condition(failing.told(), hopeless=True)
    if failing.decisions - watch.failed_before >= policy.failing_restart:
        return Condition(failing.told())
    strain = watch.tide.strain(memory_mb * MB) if watch.tide is not None else None
    return Condition(strain=strain, remark=_remark(generation, watch, now_ms, policy, is_loud))


def _remark(
    generation: Generation, watch: Watch, now_ms: int, policy: Policy, is_loud: bool
) -> str:
    if watch.failing.decisions >= policy.failing_told:
        return watch.failing.told()
    held_up = generation.pulse.loop_lag_ms if generation.pulse is not None else 0
    if held_up >= policy.ms(policy.loop_lag):
        return f"slow: a decision held its event loop up for {held_up / 1000:.0f} s"
    if watch.dropped and now_ms - watch.dropped_ms < policy.ms(policy.remembered):
        return f"logs more than is taken: {watch.dropped} notes dropped so far"
    return "prints more than is kept: the rest of its output is lost" if is_loud else ""
