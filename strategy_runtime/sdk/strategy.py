"""The class that an author inherits. It sees candles and says what it thinks; it never sees money.

Everything the runtime keeps about a strategy sits in one `Context`, so that an author's own
attributes cannot collide with ours.
"""

from collections.abc import Mapping
from decimal import Decimal
from inspect import CO_ASYNC_GENERATOR, CO_COROUTINE, CO_GENERATOR
from math import isfinite
from typing import Any, ClassVar, Literal, TypeVar

from msgspec import Struct

from strategy_runtime.sdk import indicators, params
from strategy_runtime.sdk.errors import DeclarationError, ParameterError, SignalError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Indicator, Source
from strategy_runtime.wire.messages import Action, Candle, Position, Tick

Level = Literal["debug", "info", "warning", "error"]
HOOKS = {"on_start", "on_candle", "on_tick", "on_stop"}
LEVELS = ("debug", "info", "warning", "error")

MAX_LINES = 50
MAX_TEXT = 1_000
MAX_METRICS = 50
MAX_NAME = 64
MAX_REASON = 200
MAX_INDICATORS = 500

I = TypeVar("I", bound=Indicator)  # noqa: E741 - reads as "an indicator"


class Order(Struct, frozen=True):
    """What `long()` and its kind give back. Returning it is good style; asking was enough."""

    action: Action
    stop_loss: float | None = None
    take_profit: float | None = None
    reason: str = ""


class Context:
    """What the engine keeps for one strategy: what it may see, and what it has asked for."""

    def __init__(self, instrument: str, resolution: str, window: int) -> None:
        self.instrument = instrument
        self.resolution = resolution
        self.history = History(window)
        self.indicators: list[Indicator] = []
        self.declaring = True
        self.position = Position()
        self.state: dict[str, Any] = {}
        self.manifest: Mapping[str, object] = {}
        self.price = float("nan")
        self.orders: list[Order] = []
        self.lines: list[tuple[Level, str]] = []
        self.metrics: list[tuple[str, float]] = []


class BaseStrategy:
    """Inherit, declare parameters, and write `on_candle`."""

    # The manifest, as class attributes; JSON beside the code wins over them.
    instrument: str = ""
    resolution: str = ""
    lookback: ClassVar[int] = 0
    ticks: ClassVar[bool] = False

    _slipway: Context

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
        stop_loss: float | None = None,
        take_profit: float | None = None,
        reason: str = "",
    ) -> Order:
        """Be long from the next open. Short before: that is left first. Long already: nothing."""
        return self._enter("LONG", stop_loss, take_profit, reason)

    def short(
        self,
        *,
        stop_loss: float | None = None,
        take_profit: float | None = None,
        reason: str = "",
    ) -> Order:
        """Be short from the next open. On a spot instrument it only leaves a long position."""
        return self._enter("SHORT", stop_loss, take_profit, reason)

    def exit_long(self, *, reason: str = "") -> Order:
        """Leave the long position at the next open, if there is one."""
        return self._ask(Order("EXIT_LONG", reason=_reason(reason)))

    def exit_short(self, *, reason: str = "") -> Order:
        """Leave the short position at the next open, if there is one."""
        return self._ask(Order("EXIT_SHORT", reason=_reason(reason)))

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

    # ---- declared indicators -------------------------------------------------------------------

    def sma(self, period: int, of: Source = "close") -> Indicator:
        return self._declare(indicators.Sma(period, of))

    def ema(self, period: int, of: Source = "close") -> Indicator:
        return self._declare(indicators.Ema(period, of))

    def rsi(self, period: int = 14, of: Source = "close") -> Indicator:
        return self._declare(indicators.Rsi(period, of))

    def atr(self, period: int = 14) -> Indicator:
        return self._declare(indicators.Atr(period))

    def rolling_max(self, period: int, of: Source = "high") -> Indicator:
        return self._declare(indicators.RollingMax(period, of))

    def rolling_min(self, period: int, of: Source = "low") -> Indicator:
        return self._declare(indicators.RollingMin(period, of))

    def _declare(self, indicator: I) -> I:
        if not self._slipway.declaring:
            raise DeclarationError(f"declare {indicator.name} in on_start, not while deciding")
        if len(self._slipway.indicators) >= MAX_INDICATORS:
            raise DeclarationError(f"more than {MAX_INDICATORS} indicators")
        self._slipway.indicators.append(indicator)
        return indicator

    # ---- inside --------------------------------------------------------------------------------

    def _enter(
        self,
        action: Literal["LONG", "SHORT"],
        stop_loss: float | None,
        take_profit: float | None,
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
    if isinstance(value, str | bool) or not hasattr(value, "__float__"):
        raise SignalError(f"{call}({name}={value!r}): a price is a number")

    number = float(value)
    if not isfinite(number) or number <= 0.0:
        raise SignalError(f"{call}({name}={number}): a price is finite and above zero")
    return number


def _reason(text: object) -> str:
    return str(text)[:MAX_REASON]


def exact(number: float) -> Decimal:
    """The decimal that a person would write for this float."""
    return Decimal(repr(float(number)))
