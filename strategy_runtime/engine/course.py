"""Which candles are warmed up with, observed, decided: where a deployment stands.

Both feeds hand their candles to a `Course`, in order and perhaps more than once; each candle is
taken once.
"""

from strategy_runtime.engine.engine import TICK, Decision, Engine
from strategy_runtime.wire.messages import Candle, Tick, Welcome
from strategy_runtime.wire.resolutions import open_of, sequence, trigger_open

NEVER_MS = 2**62


class Course:
    def __init__(
        self, engine: Engine, resolution: str, *, committed_ms: int = -1, start_ms: int = 0
    ) -> None:
        """Candles up to `committed_ms` are warmed, from `start_ms` on they are decided."""
        self.engine = engine
        self.committed_ms = committed_ms
        self.start_ms = start_ms
        self.seen_ms = -1
        self.seen = 0
        self.resolution = resolution
        self._learnt: dict[str, int] = {}

    def is_repeat(self, candle: Candle) -> bool:
        return candle.open_ms <= self.seen_ms

    def decides(self, candle: Candle) -> bool:
        return candle.open_ms >= self.start_ms and candle.open_ms > self.committed_ms

    def follows(self, candle: Candle) -> bool:
        """No candle is missing before this one."""
        last = self.seen_ms
        if last < 0:
            last = max(self.committed_ms, -1 if self.start_ms == NEVER_MS else self.start_ms - 1)
        return last < 0 or candle.seq <= sequence(self.resolution, last) + 1

    def take(self, candle: Candle, *, wanted: bool = True) -> Decision | None:
        """The decision on this candle, if one is due and it was not seen before."""
        if self.is_repeat(candle):
            return None

        self.seen_ms = candle.open_ms
        self.seen += 1
        if candle.open_ms <= self.committed_ms:
            self.engine.warm(candle)
            return None
        if not self.decides(candle):
            self.engine.observe(candle)
            return None
        return self.engine.decide(candle) if wanted else self.engine.skip(candle)

    def learn(self, resolution: str, candle: Candle) -> None:
        """A candle of a further resolution, once, however often it comes."""
        if candle.open_ms > self.learnt_ms(resolution):
            self._learnt[resolution] = candle.open_ms
            self.engine.learn(resolution, candle)

    def learnt_ms(self, resolution: str) -> int:
        return self._learnt.get(resolution, -1)

    def follows_further(self, resolution: str, candle: Candle) -> bool:
        """No candle of that resolution is missing before this one, as far as can be told."""
        last = self.learnt_ms(resolution)
        return last >= 0 and candle.seq <= sequence(resolution, last) + 1

    def take_tick(self, tick: Tick) -> Decision | None:
        """Only a tick of the candle that is open now can decide anything."""
        opened = open_of(self.resolution, tick.at_ms)
        if opened <= self.seen_ms or opened < self.start_ms:
            return None
        return self.engine.decide_tick(tick)


def course_from(welcome: Welcome, engine: Engine, resolution: str) -> Course:
    """Where the control plane says that this deployment stands."""
    last, start = welcome.last_trigger, welcome.active_from
    if last is not None and last.startswith(TICK):
        engine.decided_tick_ms = trigger_open(last)
    return Course(
        engine,
        resolution,
        committed_ms=-1 if last is None else committed_by(last, resolution),
        start_ms=NEVER_MS if start is None else trigger_open(start),
    )


def committed_by(trigger: str, resolution: str) -> int:
    """The open time of the last candle whose own decision is committed with this trigger.

    A tick's trigger is named by the candle that was still open, so that candle is not decided yet.
    """
    opened = trigger_open(trigger)
    return open_of(resolution, opened - 1) if trigger.startswith(TICK) else opened
