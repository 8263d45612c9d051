"""What older strategies mean by BUY and SELL.

BUY when flat goes long. BUY when short leaves the short position, and goes long as well if a stop
comes with it. BUY when long says nothing new. SELL mirrors it; on a spot market it leaves at most.
"""

from collections.abc import Mapping
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace

from strategy_runtime.sdk.errors import SignalError
from strategy_runtime.sdk.strategy import BaseStrategy

Meaning = Literal["BUY", "SELL", "LONG", "SHORT", "EXIT_LONG", "EXIT_SHORT", "EXIT", "HOLD"]

MEANINGS: Mapping[str, Meaning] = {
    "BUY": "BUY",
    "SELL": "SELL",
    "LONG": "LONG",
    "SHORT": "SHORT",
    "EXIT_LONG": "EXIT_LONG",
    "CLOSE_LONG": "EXIT_LONG",
    "EXIT_SHORT": "EXIT_SHORT",
    "CLOSE_SHORT": "EXIT_SHORT",
    "EXIT": "EXIT",
    "CLOSE": "EXIT",
    "HOLD": "HOLD",
    "WAIT": "HOLD",
    "NONE": "HOLD",
    "": "HOLD",
}
ACTION = ("action", "signal", "side", "type")
STOP = ("stopLoss", "stop_loss", "stoploss", "sl", "stop")
TARGET = ("takeProfit", "take_profit", "takeprofit", "tp", "target")


class Wish(Struct, frozen=True):
    action: Meaning
    stop: float | None = None
    target: float | None = None
    reason: str = ""

    def with_levels_of(self, other: "Wish") -> "Wish":
        """An order that a signal led to has that signal's stop and target, if none of its own."""
        return replace(
            self,
            stop=other.stop if self.stop is None else self.stop,
            target=other.target if self.target is None else self.target,
            reason=self.reason or other.reason,
        )

    def ask(self, strategy: BaseStrategy) -> None:
        """Ask for what this means, given where the strategy heads by now."""
        side, spot = _heading(strategy), strategy.instrument.startswith("spot:")
        match self.action:
            case "HOLD":
                pass
            case "EXIT":
                strategy.exit_long(reason=self.reason)
                strategy.exit_short(reason=self.reason)
            case "EXIT_LONG":
                strategy.exit_long(reason=self.reason)
            case "EXIT_SHORT":
                strategy.exit_short(reason=self.reason)
            case "SELL" | "SHORT" if spot:
                strategy.exit_long(reason=self.reason)
            case "LONG" | "BUY":
                if self.action == "BUY" and side == "SHORT":
                    strategy.exit_short(reason=self.reason)
                if side is None or (side == "SHORT" and self._enters):
                    strategy.long(stop_loss=self.stop, take_profit=self.target, reason=self.reason)
            case "SHORT" | "SELL":
                if self.action == "SELL" and side == "LONG":
                    strategy.exit_long(reason=self.reason)
                if side is None or (side == "LONG" and self._enters):
                    strategy.short(stop_loss=self.stop, take_profit=self.target, reason=self.reason)

    @property
    def _enters(self) -> bool:
        """Whether it turns a position around: what says so, or what brings a stop."""
        return self.stop is not None or self.action in ("LONG", "SHORT")


def wish_of(signal: object) -> Wish:
    """What a returned, emitted or placed signal means; SignalError if nobody can tell."""
    if signal is None:
        return Wish("HOLD")
    if isinstance(signal, str):
        return Wish(_meaning(signal))
    if not isinstance(signal, Mapping):
        raise SignalError(
            f"a signal is a dict with an 'action', or a word such as 'BUY'; this is {signal!r:.80}"
        )
    return Wish(
        _meaning(_first(signal, ACTION)),
        _level(signal, STOP),
        _level(signal, TARGET),
        str(signal.get("reason") or ""),
    )


def _meaning(given: object) -> Meaning:
    if given is None:
        return "HOLD"
    word = str(given).strip().upper().replace(" ", "_").replace("-", "_")
    found = MEANINGS.get(word)
    if found is None:
        raise SignalError(f"the action {given!r:.80} is none of BUY, SELL, HOLD, EXIT, LONG, SHORT")
    return found


def _level(signal: Mapping[Any, Any], names: tuple[str, ...]) -> float | None:
    """A price; none at all, or the 0 that many write for none, is no level."""
    given = _first(signal, names)
    return None if given is None or (isinstance(given, int | float) and given == 0) else given


def _first(signal: Mapping[Any, Any], names: tuple[str, ...]) -> Any:
    return next((signal[name] for name in names if signal.get(name) is not None), None)


def _heading(strategy: BaseStrategy) -> str | None:
    """Its side at the next open, by what it holds and has asked for so far."""
    side: str | None = strategy.position.side
    for order in strategy._slipway.orders:
        if order.action == f"EXIT_{side}":
            side = None
        elif side is None and not order.action.startswith("EXIT"):
            side = order.action
    return side
