"""The strategy's own position, by the backtest's rules, on the candles that it saw.

Orders fill at the next open. Inside a candle a stop or a target fills at its price, and the worse
one first when the candle's range holds both; what the market has jumped over fills at the open.
"""

from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from strategy_runtime.wire.messages import Action, Candle, Position, Side, Signal

Cause = Literal["signal", "stop", "target"]


class Fill(Struct, frozen=True, gc=False):
    """What happened to the virtual position, for a backtest's list of trades."""

    action: Action
    price: float
    at_ms: int
    cause: Cause


EXIT_OF: dict[Side, Action] = {"LONG": "EXIT_LONG", "SHORT": "EXIT_SHORT"}
SIDE_LEFT_BY: dict[Action, Side] = {"EXIT_LONG": "LONG", "EXIT_SHORT": "SHORT"}


def advance(position: Position, candle: Candle) -> tuple[Position, tuple[Fill, ...]]:
    """The position after this candle, and what filled in it."""
    if position.side is None and not position.pending:
        return position, ()
    if position.late:  # decided after this candle had opened: its open was no price to be had
        waiting = position.pending[-position.late :]
        early = replace(position, pending=position.pending[: -position.late], late=0)
        after, happened = advance(early, candle)
        return replace(after, pending=waiting), happened

    position, fills = _open(position, candle)
    if position.side is None:
        return position, tuple(fills)

    touched = _touched(position, candle)
    if touched is None:
        return position, tuple(fills)

    price, cause = touched
    fills.append(Fill(EXIT_OF[position.side], price, candle.open_ms, cause))
    return _left(position), tuple(fills)


def intend(position: Position, signals: tuple[Signal, ...], *, on_tick: bool = False) -> Position:
    """The position once these signals wait for the next open."""
    if not signals:
        return position

    due = position.exit_due
    for signal in signals:
        due = _side_entered(signal.action)
    late = position.late + len(signals) if on_tick else position.late
    return replace(position, pending=position.pending + signals, exit_due=due, late=late)


def heading(position: Position) -> Side | None:
    """The side that the position will be on at the next open."""
    side = position.side
    for signal in position.pending:
        side = _after(side, signal.action)
    return side


def _open(position: Position, candle: Candle) -> tuple[Position, list[Fill]]:
    fills: list[Fill] = []
    for signal in position.pending:
        action = signal.action
        side = _after(position.side, action)
        if side != position.side:
            fills.append(Fill(action, candle.open, candle.open_ms, "signal"))
            position = _entered(position, signal, candle) if side else _left(position)

    return (replace(position, pending=()) if position.pending else position), fills


def _left(position: Position) -> Position:
    return Position(exit_due=position.exit_due)


def _entered(position: Position, signal: Signal, candle: Candle) -> Position:
    stop, target = signal.stop_loss, signal.take_profit
    return Position(
        _side_entered(signal.action),
        candle.open,
        candle.open_ms,
        None if stop is None else float(stop),
        None if target is None else float(target),
        (),
        position.exit_due,
    )


def _touched(position: Position, candle: Candle) -> tuple[float, Cause] | None:
    """The open came first; the order of the rest is unknown, so the worse one counts."""
    stop, target, opened = position.stop_loss, position.take_profit, candle.open
    if position.side == "LONG":
        if stop is not None and opened <= stop:
            return opened, "stop"
        if target is not None and opened >= target:
            return opened, "target"
        if stop is not None and candle.low <= stop:
            return stop, "stop"
        if target is not None and candle.high >= target:
            return target, "target"
        return None

    if stop is not None and opened >= stop:
        return opened, "stop"
    if target is not None and opened <= target:
        return opened, "target"
    if stop is not None and candle.high >= stop:
        return stop, "stop"
    if target is not None and candle.low <= target:
        return target, "target"
    return None


def _after(side: Side | None, action: Action) -> Side | None:
    if action in SIDE_LEFT_BY:
        return None if SIDE_LEFT_BY[action] == side else side
    return side or _side_entered(action)


def _side_entered(action: Action) -> Side | None:
    return action if action == "LONG" or action == "SHORT" else None
