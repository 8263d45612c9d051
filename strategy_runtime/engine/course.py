"""Which candles are warmed up with, observed, decided: where a deployment stands.

Both feeds hand their candles to a `Course`, in order and perhaps more than once; each candle is
taken once.
"""

from collections.abc import Callable

from strategy_runtime.engine.engine import Decision, Engine
from strategy_runtime.wire.messages import Candle, Welcome
from strategy_runtime.wire.resolutions import sequence, trigger_open

TICK = "tick:"


class Course:
    def __init__(
        self, engine: Engine, resolution: str, *, committed_ms: int, start_ms: int
    ) -> None:
        """Candles up to `committed_ms` are warmed, from `start_ms` on they are decided."""
        self.engine = engine
        self.committed_ms = committed_ms
        self.start_ms = start_ms
        self.seen_ms = -1
        self.warmed = 0
        self._resolution = resolution

    def is_repeat(self, candle: Candle) -> bool:
        return candle.open_ms <= self.seen_ms

    def follows(self, candle: Candle) -> bool:
        """No candle is missing before this one."""
        last = self.seen_ms if self.seen_ms >= 0 else max(self.committed_ms, self.start_ms - 1)
        return last < 0 or candle.seq <= sequence(self._resolution, last) + 1

    def decides(self, candle: Candle) -> bool:
        return candle.open_ms > self.committed_ms and candle.open_ms >= self.start_ms

    def take(self, candle: Candle, *, wanted: bool = True) -> Decision | None:
        """The decision on this candle, if one is due and it was not seen before."""
        if self.is_repeat(candle):
            return None

        self.seen_ms = candle.open_ms
        if candle.open_ms <= self.committed_ms:
            self.warmed += 1
            self.engine.warm(candle)
            return None
        if candle.open_ms < self.start_ms:
            self.warmed += 1
            self.engine.observe(candle)
            return None
        return self.engine.decide(candle) if wanted else self.engine.skip(candle)


def course_from(welcome: Welcome, build: Callable[[], Engine], resolution: str) -> Course:
    """Where the control plane says that this deployment stands."""
    committed = -1 if welcome.last_trigger is None else committed_by(welcome.last_trigger)
    start = 0 if welcome.active_from is None else trigger_open(welcome.active_from)
    return Course(build(), resolution, committed_ms=committed, start_ms=start)


def committed_by(trigger: str) -> int:
    """The open time of the last candle whose own decision is committed with this trigger.

    A tick's trigger is named by the candle that was still open, so that candle is not decided yet.
    """
    opened = trigger_open(trigger)
    return opened - 1 if trigger.startswith(TICK) else opened
