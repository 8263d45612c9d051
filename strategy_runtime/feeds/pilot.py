"""What one run of a deployment does with what it hears: welcomes, candles, ticks, commands.

It puts executions into the outbox and knows in which phase the process is. It does no IO: whoever
owns it fetches history and sends frames.
"""

from collections.abc import Callable

from msgspec import UNSET, Raw

from strategy_runtime.engine.course import NEVER_MS, Course, committed_by, course_from
from strategy_runtime.engine.engine import Decision, Engine
from strategy_runtime.engine.state import EMPTY
from strategy_runtime.feeds.outbox import Outbox
from strategy_runtime.feeds.timing import Machine
from strategy_runtime.sdk.context import Level
from strategy_runtime.wire.messages import (
    Candle,
    Control,
    Execution,
    LogLine,
    Metric,
    Phase,
    Position,
    Tick,
    Welcome,
)

Build = Callable[[bytes, Position], Engine]


class Pilot:
    def __init__(
        self, run: str, resolution: str, build: Build, outbox: Outbox, machine: Machine
    ) -> None:
        self.run = run
        self.course: Course | None = None
        self.active = False
        self.last_trigger: str | None = None
        self.lag_ms = 0
        self.longest_us = 0
        self._resolution = resolution
        self._build = build
        self._outbox = outbox
        self._machine = machine
        self._paused = False
        self._lagging = False
        self._draining = False
        self._n = 0
        self._decided_ms = -1

    @property
    def phase(self) -> Phase:
        if self._draining:
            return "draining"
        if not self.active:
            return "warming"
        if not self.has_room():
            return "lagging"
        return "paused" if self._paused else "running"

    @property
    def follows_market(self) -> bool:
        """Decides, or warms up beside a generation that does; not one that was relieved."""
        return self.active or (self.course is not None and self.course.start_ms == NEVER_MS)

    def has_room(self) -> bool:
        """Room for one more frame. Once it was full, there must be a good deal of it."""
        full = self._outbox.is_full
        self._lagging = full or (self._lagging and not self._outbox.has_room_again)
        return not self._lagging

    def welcome(self, message: Welcome) -> bool:
        """Take in where trading says that we stand; whether history has to be read anew."""
        self._paused = message.phase == "paused"
        self.active = message.active_from is not None
        if self.course is not None and not self._is_outrun(message):
            return False

        self.course = course_from(message, self._engine_for(message), self._resolution)
        return True

    def control(self, message: Control) -> None:
        if message.do in {"pause", "resume"}:
            self._paused = message.do == "pause"
        else:
            self.drain()

    def drain(self) -> None:
        self._draining = True

    def take(self, candle: Candle) -> None:
        """The next candle, in order; the caller has made sure that there is room."""
        assert self.course is not None
        started = self._machine.now_us()
        decision = self.course.take(candle, wanted=not self._paused)
        if decision is not None:
            self._decided_ms = candle.open_ms
            self._report(decision, candle.published_ms, self._machine.now_us() - started)

    def take_tick(self, tick: Tick) -> None:
        if self.course is None or self.phase != "running":
            return

        started = self._machine.now_us()
        decision = self.course.take_tick(tick)
        if decision is not None:
            self._report(decision, tick.published_ms, self._machine.now_us() - started)

    def stop(self) -> list[tuple[Level, str]]:
        """What the strategy has to say at its end."""
        return [] if self.course is None else self.course.engine.stop()

    def _is_outrun(self, message: Welcome) -> bool:
        """Somebody decided what we have not, or we only warmed up so far."""
        assert self.course is not None
        if self.active and self.course.start_ms == NEVER_MS:
            return True
        last = message.last_trigger
        known = max(self._decided_ms, self.course.committed_ms)
        return self.active and last is not None and committed_by(last, self._resolution) > known

    def _engine_for(self, message: Welcome) -> Engine:
        state = EMPTY if message.state is UNSET else bytes(message.state)
        return self._build(state, message.position)

    def _report(self, decision: Decision, published_ms: int, took_us: int) -> None:
        now_ms = self._machine.now_ms()
        self._n += 1
        self.last_trigger = decision.trigger
        self.lag_ms = max(0, now_ms - published_ms) if published_ms else 0
        self.longest_us = max(self.longest_us, took_us)
        execution = Execution(
            run=self.run,
            n=self._n,
            trigger=decision.trigger,
            outcome=decision.outcome,
            took_us=took_us,
            published_ms=published_ms,
            decided_ms=now_ms,
            position=decision.position,
            signals=decision.signals,
            state=Raw(decision.state),
            error=decision.error,
        )
        self._outbox.put(execution)
        self._outbox.note([LogLine(now_ms, level, text) for level, text in decision.lines])
        self._outbox.note([Metric(now_ms, name, value) for name, value in decision.metrics])
