"""One event in, one decision out. No IO, no clock: the same candles give the same signals.

The live feed and the backtest both drive this engine. A candle is either *warmed* (a decision on it
is already committed, position included), *observed* (nobody decides on it, but the position follows
it), *skipped* (a decision was due and was not wanted) or *decided*.
"""

from collections.abc import Callable, Mapping
from typing import Any

from msgspec import Struct

from strategy_runtime.engine.failures import RAISED, StrategyFailed, explain
from strategy_runtime.engine.intents import compose
from strategy_runtime.engine.position import Fill, advance, intend
from strategy_runtime.engine.state import EMPTY, freeze, thaw
from strategy_runtime.sdk.context import Context, Keep, Level
from strategy_runtime.sdk.errors import StrategyError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.params import resolve
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.sdk.ticks import Tick, seen
from strategy_runtime.wire import messages
from strategy_runtime.wire.messages import Candle, Outcome, Position, Signal
from strategy_runtime.wire.resolutions import RESOLUTIONS, candle_trigger, open_of, tick_trigger

FLAT = Position()
TICK = "tick:"


class Setting(Struct, frozen=True):
    """What one strategy runs on. `window` is how many candles it may look back."""

    instrument: str
    resolution: str
    parameters: Mapping[str, object] = {}
    manifest: Mapping[str, object] = {}
    window: int = 200
    resolutions: tuple[str, ...] = ()  # beside the resolution that it decides on


class Decision(Struct, frozen=True, gc=False):
    trigger: str
    outcome: Outcome
    position: Position
    state: bytes
    signals: tuple[Signal, ...] = ()
    error: str | None = None
    lines: tuple[tuple[Level, str], ...] = ()
    metrics: tuple[tuple[str, float], ...] = ()
    fills: tuple[Fill, ...] = ()


class Engine:
    def __init__(
        self,
        kind: type[BaseStrategy],
        setting: Setting,
        *,
        state: bytes = EMPTY,
        position: Position = FLAT,
        keep: Keep = lambda resolution, window: History(window),
    ) -> None:
        """Build the strategy and start it; StrategyFailed if its own code refuses."""
        self._filename = _filename(kind)
        self._resolution = setting.resolution
        try:
            self._context = Context(
                setting.instrument,
                setting.resolution,
                max(setting.window, kind.lookback, 1),
                further=further_of(kind, setting),
                manifest=setting.manifest,
                keep=keep,
            )
            self._context.state = thaw(state)
        except StrategyError as error:
            raise StrategyFailed(str(error)) from error
        self._context.position = position
        self._context.parameters = setting.parameters
        self._state = state
        self.decided_tick_ms = -1
        self._strategy = self._build(kind, setting)

    @property
    def context(self) -> Context:
        return self._context

    @property
    def on_candle(self) -> Callable[[Candle], Any]:
        return self._strategy.on_candle

    @property
    def position(self) -> Position:
        return self._context.position

    def warm(self, candle: Candle) -> None:
        """See a candle whose decision is committed: the position already knows it."""
        self._context.base.feed(candle)

    def learn(self, resolution: str, candle: Candle) -> None:
        """See a candle of a further resolution, before the first that closes with it or later."""
        self._context.further[resolution].feed(candle)

    def observe(self, candle: Candle) -> tuple[Fill, ...]:
        self.warm(candle)
        self._context.position, fills = advance(self._context.position, candle)
        return fills

    def skip(self, candle: Candle) -> Decision:
        fills = self.observe(candle)
        trigger = candle_trigger(self._resolution, candle.open_ms)
        return Decision(trigger, "skipped", self._context.position, self._state, fills=fills)

    def decide(self, candle: Candle) -> Decision:
        fills = self.observe(candle)
        self._context.price = candle.close
        trigger = candle_trigger(self._resolution, candle.open_ms)
        return self._ask(self._strategy.on_candle, candle, trigger, fills)

    def decide_tick(self, tick: messages.Tick) -> Decision | None:
        """One decision for a base candle's ticks: the first that says something."""
        opened = open_of(self._resolution, tick.at_ms)
        if opened <= self.decided_tick_ms:
            return None

        shown = seen(tick)
        self._context.price = shown.price
        decision = self._ask(self._strategy.on_tick, shown, tick_trigger(opened), ())
        if decision.outcome == "none":
            return None

        self.decided_tick_ms = opened
        return decision

    def stop(self) -> list[tuple[Level, str]]:
        """Let the strategy say good-bye: its last log lines, and what went wrong."""
        lines = self._context.lines
        try:
            self._strategy.on_stop()
        except RAISED as error:
            lines.append(("error", explain(error, self._filename)))
        self._context.lines = []
        return lines

    def _build(self, kind: type[BaseStrategy], setting: Setting) -> BaseStrategy:
        try:
            values = {} if kind._open else resolve(kind, setting.parameters)
            strategy = kind.__new__(kind)
            strategy._slipway = self._context
            strategy.instrument = setting.instrument
            strategy.resolution = setting.resolution
            vars(strategy).update(values)
            kind.__init__(strategy)  # by hand: an author's may use the parameters
            strategy.on_start()
        except RAISED as error:
            raise StrategyFailed(explain(error, self._filename)) from error

        self._context.declaring = False
        return strategy

    def _ask(
        self, hook: Any, event: Candle | Tick, trigger: str, fills: tuple[Fill, ...]
    ) -> Decision:
        try:
            answer = hook(event)
        except RAISED as raised:
            return self.conclude(trigger, fills, None, raised)
        return self.conclude(trigger, fills, answer, None)

    def conclude(
        self,
        trigger: str,
        fills: tuple[Fill, ...],
        answer: object,
        raised: BaseException | None,
    ) -> Decision:
        """What a hook's answer, or the error that it raised, comes to."""
        context = self._context
        signals: tuple[Signal, ...] = ()
        if raised is None:
            try:
                if answer is not None or context.orders:
                    signals = compose(context, answer)
                self._state = freeze(context.state, self._state)
            except RAISED as refused:  # not ours alone: an author's object may raise in its repr
                signals, raised = (), refused

        error = None if raised is None else explain(raised, self._filename)
        outcome: Outcome = "failed" if error else "signal" if signals else "none"
        on_tick = trigger.startswith(TICK)
        context.position = intend(context.position, signals, on_tick=on_tick)
        decision = Decision(
            trigger=trigger,
            outcome=outcome,
            position=context.position,
            state=self._state,
            signals=signals,
            error=error,
            lines=tuple(context.lines),
            metrics=tuple(context.metrics),
            fills=fills,
        )
        self._clear()
        return decision

    def _clear(self) -> None:
        """The lists stay the same ones: a sweep holds on to them."""
        context = self._context
        context.orders.clear()
        context.lines.clear()
        context.metrics.clear()


def further_of(kind: type[BaseStrategy], setting: Setting) -> tuple[str, ...]:
    """The resolutions beside its own, checked: a launch grants those that checking found."""
    declared = tuple(dict.fromkeys((*setting.resolutions, *kind.resolutions)))
    further = tuple(name for name in declared if name != setting.resolution)
    for name in further:
        if name not in RESOLUTIONS:
            raise StrategyError(f"resolutions: {name!r} is none of {', '.join(RESOLUTIONS)}")
    return further


def _filename(kind: type[BaseStrategy]) -> str:
    return kind._source or kind.on_candle.__code__.co_filename
