"""What `from base_strategy import BaseStrategy` gives: the class of an older style.

An instance is made by the author's own module, before anybody could hand it anything; so what it
may want to know in its constructor lies ready beside the class while the module runs.
"""

from collections.abc import Mapping
from math import isfinite
from typing import Any, cast

from msgspec import Struct

from strategy_runtime.sdk.context import LEVELS, Level
from strategy_runtime.sdk.older.wishes import Wish, wish_of
from strategy_runtime.sdk.strategy import BaseStrategy as Strategy


class Facts(Struct, frozen=True):
    """Where an instance runs. Its values stand in `instance.config`, too."""

    instrument: str = ""
    resolution: str = ""
    parameters: Mapping[str, Any] = {}
    manifest: Mapping[str, Any] = {}

    @property
    def pair(self) -> str:
        return self.instrument.rpartition(":")[2]

    @property
    def symbol(self) -> str:
        """`BTCUSDT` of `fut:B-BTC_USDT`."""
        return self.pair.rpartition("-")[2].replace("_", "")


class Stage:
    """What happens while a module runs: its facts, and who called `start()`."""

    def __init__(self) -> None:
        self.facts = Facts()
        self.started: list[BaseStrategy] = []


STAGE = Stage()


class Logger:
    """`self.logger`, which writes to the deployment's log."""

    def __init__(self, owner: "BaseStrategy") -> None:
        self._owner = owner

    def debug(self, text: object, *values: object) -> None:
        self._owner.log(_filled(text, values), level="debug")

    def info(self, text: object, *values: object) -> None:
        self._owner.log(_filled(text, values))

    def warning(self, text: object, *values: object) -> None:
        self._owner.log(_filled(text, values), level="warning")

    def error(self, text: object, *values: object) -> None:
        self._owner.log(_filled(text, values), level="error")

    exception = error


class BaseStrategy:
    """Write `on_market_data`; place orders there, or in `on_signal`."""

    _slipway: Strategy | None = None
    _signal: Wish | None = None

    def __new__(cls, *given: object, **named: object) -> "BaseStrategy":
        made = super().__new__(cls)
        facts = STAGE.facts
        made.instrument, made.symbol, made.pair = facts.instrument, facts.symbol, facts.pair
        made.resolution = made.timeframe = facts.resolution
        made.parameters = made.params = dict(facts.parameters)
        made.config = {**facts.manifest, **facts.parameters}
        made.logger = Logger(made)
        return made

    def __init__(self, *given: object, **named: object) -> None:
        """Whatever a subclass passes up is its own business."""

    instrument: Any
    symbol: Any
    pair: Any
    resolution: Any
    timeframe: Any
    parameters: Any
    params: Any
    config: Any
    logger: Any

    # ---- hooks ---------------------------------------------------------------------------------

    def on_market_data(self, market_data: dict[str, Any]) -> Any:
        """At each closed candle."""
        raise NotImplementedError("write on_market_data(self, market_data)")

    def on_signal(self, signal: Any) -> Any:
        """With each signal that `on_market_data` returns or emits; as it stands, it is followed."""
        self._follow(wish_of(signal))

    # ---- what it may say -----------------------------------------------------------------------

    def start(self, *given: object, **named: object) -> None:
        """Register. The market comes in on its own."""
        STAGE.started.append(self)

    run = start

    def place_order(
        self,
        side: str,
        quantity: float | None = None,
        price: float | None = None,
        *given: object,
        **named: Any,
    ) -> dict[str, Any]:
        """Ask for it. The quantity is recorded and sizes nothing: subscribers' capital does."""
        wish = wish_of({**named, "action": side})
        if self._signal is not None:
            wish = wish.with_levels_of(self._signal)
        self._follow(wish)
        if quantity is not None and self._slipway is not None and isfinite(float(quantity)):
            self._slipway.metric("quantity", float(quantity))
        return {"side": wish.action, "quantity": quantity, "price": price, "status": "asked"}

    def emit_signal(self, signal: Any) -> None:
        """Hand a signal to `on_signal`, as returning it from `on_market_data` does."""
        if signal is None:
            return
        before, self._signal = self._signal, wish_of(signal)
        try:
            self.on_signal(signal)
        finally:
            self._signal = before

    emit = send_signal = emit_signal

    def get_position(self) -> dict[str, Any] | None:
        """The strategy's own virtual position; None when it is flat."""
        position = None if self._slipway is None else self._slipway.position
        if position is None or position.side is None:
            return None
        return {
            "side": position.side,
            "entry_price": position.entry_price,
            "entry_time": position.entry_ms,
            "stop_loss": position.stop_loss,
            "take_profit": position.take_profit,
        }

    def log(self, text: object, level: str = "info") -> None:
        if self._slipway is not None:
            word = level.lower()
            self._slipway.log(text, level=cast("Level", word if word in LEVELS else "info"))

    def metric(self, name: str, value: float) -> None:
        if self._slipway is not None:
            self._slipway.metric(name, value)

    def _follow(self, wish: Wish) -> None:
        if self._slipway is None:
            raise RuntimeError("an order outside of on_market_data: there is no candle yet")
        wish.ask(self._slipway)


def _filled(text: object, values: tuple[object, ...]) -> str:
    """As `logging` does it."""
    return str(text) % values if values else str(text)
