"""From what a strategy asked for to the signals that it means, given where it stands."""

from collections.abc import Iterable

from strategy_runtime.engine.position import EXIT_OF, SIDE_LEFT_BY, heading
from strategy_runtime.sdk.context import Context, Order
from strategy_runtime.sdk.errors import SignalError
from strategy_runtime.sdk.strategy import exact
from strategy_runtime.wire.messages import Action, Position, Side, Signal

OPPOSITE: dict[Side, Side] = {"LONG": "SHORT", "SHORT": "LONG"}


def compose(context: Context, answer: object) -> tuple[Signal, ...]:
    """At most an exit and an entry, in this order.

    An exit goes out once for each entry that was signalled, even where the virtual position has met
    its stop by then; an entry to where the position already heads says nothing new.
    """
    _check(answer, context.orders)
    orders = _legal(context.orders, spot=context.instrument.startswith("spot:"))
    entry = _entry(orders)
    leaving = _exit(orders, context.position)

    signals: list[Signal] = []
    if leaving is not None:
        signals.append(_signal(leaving.action, context.price, leaving))
    if entry is not None and (leaving or heading(context.position) != entry.action):
        signals.append(_signal(entry.action, context.price, entry))
    return tuple(signals)


def _check(answer: object, asked: list[Order]) -> None:
    """What a hook returns adds nothing to what it asked for, but must not be anything else."""
    given = answer if isinstance(answer, tuple | list) else (answer,)
    for item in given:
        if item is not None and not isinstance(item, Order):
            raise SignalError(
                f"the hook returned {_short(item)}; return what self.long(), self.short(), "
                "self.exit_long() or self.exit_short() give, or nothing"
            )
        if item is not None and not any(item is order for order in asked):
            raise SignalError(f"the hook returned a {item.action} that it asked for earlier")


def _legal(orders: Iterable[Order], *, spot: bool) -> list[Order]:
    """A spot market has no short side: there, going short is leaving what was bought."""
    return [
        Order("EXIT_LONG", reason=order.reason) if spot and order.action == "SHORT" else order
        for order in orders
    ]


def _entry(orders: list[Order]) -> Order | None:
    entries = [order for order in orders if order.action not in SIDE_LEFT_BY]
    if len({order.action for order in entries}) > 1:
        raise SignalError("the hook asked for long and short at once")
    return entries[-1] if entries else None


def _exit(orders: list[Order], position: Position) -> Order | None:
    due = position.exit_due
    if due is None:
        return None

    for order in orders:
        if _leaves(order.action) == due:
            return Order(EXIT_OF[due], reason=order.reason)
    return None


def _leaves(action: Action) -> Side:
    """The side that this order gives up: an entry gives up the other one."""
    if action == "LONG" or action == "SHORT":
        return OPPOSITE[action]
    return SIDE_LEFT_BY[action]


def _signal(action: Action, price: float, order: Order) -> Signal:
    return Signal(
        action=action,
        price=exact(price),
        stop_loss=None if order.stop_loss is None else exact(order.stop_loss),
        take_profit=None if order.take_profit is None else exact(order.take_profit),
        reason=order.reason,
    )


def _short(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 80 else f"{text[:77]}..."
