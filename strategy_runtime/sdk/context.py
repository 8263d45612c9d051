"""What the engine keeps for one strategy: what it may see, and what it has asked for."""

from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

from msgspec import Struct

from strategy_runtime.sdk.errors import DeclarationError
from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Atr, Indicator
from strategy_runtime.sdk.series import Series
from strategy_runtime.wire.messages import Action, Position

Level = Literal["debug", "info", "warning", "error"]
LEVELS = ("debug", "info", "warning", "error")

MAX_INDICATORS = 500
ATR_PERIOD = 14

I = TypeVar("I", bound=Indicator)  # noqa: E741 - reads as "an indicator"
# By resolution and window: where the candles that a strategy may look back at are kept.
Keep = Callable[[str, int], History]


class Order(Struct, frozen=True, gc=False):
    """What `long()` and its kind give back. Returning it is good style; asking was enough."""

    action: Action
    stop_loss: float | None = None
    take_profit: float | None = None
    reason: str = ""


class Context:
    def __init__(
        self,
        instrument: str,
        resolution: str,
        window: int,
        *,
        further: tuple[str, ...] = (),
        manifest: Mapping[str, object] | None = None,
        keep: Keep = lambda resolution, window: History(window),
    ) -> None:
        self.instrument = instrument
        self.resolution = resolution
        self.base = Series(resolution, keep(resolution, window))
        self.further = {name: Series(name, keep(name, window)) for name in further}
        self.history = self.base.history
        self.declaring = True
        self.position = Position()
        self.state: dict[str, Any] = {}
        self.manifest = manifest or {}
        self.parameters: Mapping[str, object] = {}
        self.price = float("nan")
        self.orders: list[Order] = []
        self.lines: list[tuple[Level, str]] = []
        self.metrics: list[tuple[str, float]] = []
        self.stop_ranges = _multiple(self.manifest, "sl_atr_multiplier")
        self.target_ranges = _multiple(self.manifest, "tp_atr_multiplier")
        self.average_range: Atr | None = None
        if self.stop_ranges or self.target_ranges:
            self.average_range = self.declare(Atr(ATR_PERIOD), None)

    def series(self, resolution: str | None) -> Series:
        if resolution is None or resolution == self.resolution:
            return self.base
        found = self.further.get(resolution)
        if found is None:
            raise DeclarationError(
                f"there are no candles of {resolution!r}: declare `resolutions = ({resolution!r},)`"
            )
        return found

    def declare(self, indicator: I, resolution: str | None) -> I:
        if not self.declaring:
            raise DeclarationError(f"declare {indicator.name} in on_start, not while deciding")
        count = len(self.base.indicators) + sum(len(s.indicators) for s in self.further.values())
        if count >= MAX_INDICATORS:
            raise DeclarationError(f"more than {MAX_INDICATORS} indicators")
        self.series(resolution).indicators.append(indicator)
        return indicator


def _multiple(manifest: Mapping[str, object], name: str) -> float:
    """How many average ranges away; 0 is nowhere."""
    given = manifest.get(name)
    if given is None:
        return 0.0
    try:
        value = float(given)  # type: ignore[arg-type] # a manifest is JSON: it may be anything
    except (TypeError, ValueError) as error:
        raise DeclarationError(f"the manifest's {name} is {given!r:.40}, no number") from error
    if not 0.0 <= value <= 1_000.0:
        raise DeclarationError(f"the manifest's {name} is {value:g}; it must be 0 to 1000")
    return value
