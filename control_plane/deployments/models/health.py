"""Whether what runs also works: a heartbeat alone is no health, a decision for each candle is.

Whoever judges must have been able to hear: silence while Redis or the trading role was away says
nothing about the container.
"""

from collections import deque
from dataclasses import dataclass, field

from control_plane.deployments.models.wishes import Generation, Policy

SAMPLES = 1_000


@dataclass
class Watch:
    """What was seen of one live generation, by our own clock."""

    generation: int
    since_ms: int  # we look since then
    last_open_ms: int = -1  # decided last
    progressed_ms: int = 0
    newest_open_ms: int | None = None  # on the bus, when we looked last
    waiting: deque[tuple[int, int]] = field(default_factory=lambda: deque(maxlen=SAMPLES))

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
