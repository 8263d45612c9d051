"""The class that an author inherits. It sees candles and says what it thinks; it never sees money.

Everything the runtime keeps about a strategy sits in one `Context`, so that an author's own
attributes cannot collide with ours.
"""

from collections.abc import Mapping
from decimal import Decimal
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from math import isfinite
from typing import Any, ClassVar, Literal

from strategy_runtime.sdk import params
from strategy_runtime.sdk.context import LEVELS, Level, Order
from strategy_runtime.sdk.declaring import Declares
from strategy_runtime.sdk.errors import DeclarationError, ParameterError, SignalError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Line
from strategy_runtime.sdk.ticks import Tick
from strategy_runtime.wire.messages import Candle, Position

HOOKS = {"on_start", "on_candle", "on_tick", "on_stop"}

MAX_LINES = 50
MAX_TEXT = 1_000
MAX_METRICS = 50
MAX_NAME = 64
MAX_REASON = 200

# Where the helpers keep how far the market has gone since the entry: a restart must not forget it.
BEST = "_best"


class BaseStrategy(Declares):
    """Inherit, declare parameters, and write `on_candle`."""

    # The manifest, as class attributes; JSON beside the code wins over them.
    instrument: str = ""
    resolution: str = ""
    resolutions: ClassVar[tuple[str, ...]] = ()
    lookback: ClassVar[int] = 0
    ticks: ClassVar[bool] = False

    _open: ClassVar[bool] = False  # takes parameters that it does not declare
    _source: ClassVar[str] = ""  # the author's file, where it is not the class' own

    def __init_subclass__(cls, **keywords: object) -> None:
        super().__init_subclass__(**keywords)
        for name in params.own(cls):
            if hasattr(BaseStrategy, name):
                raise ParameterError(f"parameter {name!r} hides BaseStrategy.{name}: rename it")
        params.settle(cls)
        for name in HOOKS & vars(cls).keys():
            flags = getattr(getattr(vars(cls)[name], "__code__", None), "co_flags", 0)
            if flags & (CO_COROUTINE | CO_GENERATOR | CO_ASYNC_GENERATOR):
                raise DeclarationError(f"{cls.__name__}.{name} must be a plain function")

    # ---- hooks ---------------------------------------------------------------------------------

    def on_start(self) -> None:
        """Once, before the first candle: declare indicators here."""

    def on_candle(self, candle: Candle) -> Any:
        """At each closed candle. Return what `long()` and its kind give, or nothing."""

    def on_tick(self, tick: Tick) -> Any:
        """At trades, at most one per 100 ms, if the class says `ticks = True`."""

    def on_stop(self) -> None:
        """Once, when the process ends on purpose."""

    # ---- what a strategy may see ---------------------------------------------------------------

    @property
    def history(self) -> History:
        """The last candles as columns, the newest included."""
        return self._slipway.history

    def candles(self, resolution: str) -> History:
        """The closed candles of one of the further `resolutions`, up to this candle's close."""
        return self._slipway.series(resolution).history

    @property
    def position(self) -> Position:
        """The strategy's own virtual position, by the backtest's fill rules."""
        return self._slipway.position

    @property
    def manifest(self) -> Mapping[str, object]:
        return self._slipway.manifest

    @property
    def state(self) -> dict[str, Any]:
        """A small dict of JSON values, at most 16 KB, that outlives the process."""
        return self._slipway.state

    @state.setter
    def state(self, value: dict[str, Any]) -> None:
        self._slipway.state = value

    # ---- what it may say -----------------------------------------------------------------------

    def long(
        self,
        *,
        stop_loss: float | Line | None = None,
        take_profit: float | Line | None = None,
        stop_distance: float | Line | None = None,
        target_distance: float | Line | None = None,
        reason: str = "",
    ) -> Order:
        """Be long from the next open. Short before: that is left first. Long already: nothing.

        Stop and target are prices, or distances from the close. Where neither is given, the
        manifest's `sl_atr_multiplier` and `tp_atr_multiplier` place them.
        """
        stop = self._level("long", "stop", stop_loss, stop_distance, -1)
        target = self._level("long", "target", take_profit, target_distance, +1)
        return self._enter("LONG", stop, target, reason)

    def short(
        self,
        *,
        stop_loss: float | Line | None = None,
        take_profit: float | Line | None = None,
        stop_distance: float | Line | None = None,
        target_distance: float | Line | None = None,
        reason: str = "",
    ) -> Order:
        """Be short from the next open. On a spot instrument it only leaves a long position."""
        stop = self._level("short", "stop", stop_loss, stop_distance, +1)
        target = self._level("short", "target", take_profit, target_distance, -1)
        return self._enter("SHORT", stop, target, reason)

    def exit_long(self, *, reason: str = "") -> Order:
        """Leave the long position at the next open, if there is one."""
        return self._ask(Order("EXIT_LONG", reason=_reason(reason)))

    def exit_short(self, *, reason: str = "") -> Order:
        """Leave the short position at the next open, if there is one."""
        return self._ask(Order("EXIT_SHORT", reason=_reason(reason)))

    def trailing_stop(self, distance: float | Line) -> Order | None:
        """Leave once the price has come back by `distance` from its best since the entry.

        Call it at every candle; it counts from when it is first called in a position.
        """
        away = _distance(distance, "trailing_stop", "distance")
        best, price = self._best(), self._slipway.price
        if best is None:
            return None
        if self.position.is_long:
            return self.exit_long(reason="trailing stop") if price <= best - away else None
        return self.exit_short(reason="trailing stop") if price >= best + away else None

    def break_even(self, after: float | Line) -> Order | None:
        """Once the price has gone `after` our way, leave when it is back at the entry."""
        away = _distance(after, "break_even", "after")
        best, price, entry = self._best(), self._slipway.price, self.position.entry_price
        if best is None or abs(best - entry) < away:
            return None
        if self.position.is_long:
            return self.exit_long(reason="break even") if price <= entry else None
        return self.exit_short(reason="break even") if price >= entry else None

    def log(self, text: object, *, level: Level = "info") -> None:
        """A line in the deployment's log."""
        if level not in LEVELS:
            raise DeclarationError(f"log(level={level!r}): use one of {', '.join(LEVELS)}")
        if len(self._slipway.lines) < MAX_LINES:
            self._slipway.lines.append((level, str(text)[:MAX_TEXT]))

    def metric(self, name: str, value: float) -> None:
        """A number to draw over time. What is not finite, such as a warm-up's NaN, is left out."""
        number = float(value)
        if isfinite(number) and len(self._slipway.metrics) < MAX_METRICS:
            self._slipway.metrics.append((str(name)[:MAX_NAME], number))

    # ---- inside --------------------------------------------------------------------------------

    def _best(self) -> float | None:
        """The highest high since a long entry, the lowest low since a short one."""
        position, state = self.position, self.state
        if position.side is None:
            state.pop(BEST, None)
            return None

        kept = state.get(BEST)
        best = kept[1] if kept and kept[0] == position.entry_ms else position.entry_price
        seen = [best, self._slipway.price]
        if len(self.history) and self.history[-1].open_ms >= position.entry_ms:
            newest = self.history[-1]
            seen.append(newest.high if position.is_long else newest.low)
        best = max(seen) if position.is_long else min(seen)
        state[BEST] = [position.entry_ms, best]
        return best

    def _level(
        self,
        call: str,
        what: Literal["stop", "target"],
        price: float | Line | None,
        distance: float | Line | None,
        side: int,
    ) -> float | Line | None:
        """The price that was given, or what the distance or the manifest makes of the close."""
        context = self._slipway
        if distance is not None:
            if price is not None:
                name = "stop_loss" if what == "stop" else "take_profit"
                raise SignalError(f"{call}: give {name} or {what}_distance, not both")
            return context.price + side * _distance(distance, call, f"{what}_distance")
        if price is None and context.average_range is not None:
            ranges = context.stop_ranges if what == "stop" else context.target_ranges
            if ranges and context.average_range.value > 0.0:
                return context.price + side * ranges * context.average_range.value
        return price

    def _enter(
        self,
        action: Literal["LONG", "SHORT"],
        stop_loss: float | Line | None,
        take_profit: float | Line | None,
        reason: str,
    ) -> Order:
        price = self._slipway.price
        below, above = (stop_loss, take_profit) if action == "LONG" else (take_profit, stop_loss)
        call, names = action.lower(), ("stop_loss", "take_profit")
        low_name, high_name = names if action == "LONG" else names[::-1]
        low = _price(below, call, low_name)
        high = _price(above, call, high_name)
        if low is not None and low >= price:
            raise SignalError(
                f"{call}({low_name}={low:.10g}) must lie below the price {price:.10g}"
            )
        if high is not None and high <= price:
            raise SignalError(
                f"{call}({high_name}={high:.10g}) must lie above the price {price:.10g}"
            )

        stop, target = (low, high) if action == "LONG" else (high, low)
        return self._ask(Order(action, stop, target, _reason(reason)))

    def _ask(self, order: Order) -> Order:
        if self._slipway.declaring:
            raise SignalError("a signal in on_start: there is no candle yet to decide on")
        self._slipway.orders.append(order)
        return order


def _price(value: object, call: str, name: str) -> float | None:
    if value is None:
        return None
    number = value if type(value) is float else _number(value, call, name, "a price")
    if not isfinite(number) or number <= 0.0:
        raise SignalError(f"{call}({name}={number}): a price is finite and above zero")
    return number


def _distance(value: object, call: str, name: str) -> float:
    number = value if type(value) is float else _number(value, call, name, "a distance")
    if not isfinite(number) or number <= 0.0:
        raise SignalError(f"{call}({name}={number}): a distance is finite and above zero")
    return number


def _number(value: object, call: str, name: str, what: str) -> float:
    if isinstance(value, str | bool) or not hasattr(value, "__float__"):
        raise SignalError(f"{call}({name}={value!r}): {what} is a number")
    return float(value)


def _reason(text: object) -> str:
    return str(text)[:MAX_REASON]


def exact(number: float) -> Decimal:
    """The decimal that a person would write for this float."""
    return Decimal(repr(float(number)))
