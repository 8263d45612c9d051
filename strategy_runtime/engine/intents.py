"""From what a strategy asked for to the signals that it means, given where it stands."""

from decimal import Decimal

from strategy_runtime.engine.position import EXIT_OF, SIDE_LEFT_BY, heading
from strategy_runtime.sdk.context import Context, Order
from strategy_runtime.sdk.errors import SignalError
from strategy_runtime.sdk.strategy import exact
from strategy_runtime.wire.messages import Action, Side, Signal

LEAVES: dict[Action, Side] = {
    "LONG": "SHORT",  # an entry gives up the other side
    "SHORT": "LONG",
    **SIDE_LEFT_BY,
}


def compose(context: Context, answer: object) -> tuple[Signal, ...]:
    """At most an exit and an entry, in this order.

    An exit goes out once for each entry that was signalled, even where the virtual position has met
    its stop by then; an entry to where the position already heads says nothing new.
    """
    orders = context.orders
    if answer is not None and not (len(orders) == 1 and answer is orders[0]):
        _check(answer, orders)
    if context.instrument.startswith("spot:"):
        orders = _legal(orders)
    entry = _entry(orders)
    leaving = _exit(orders, context.position.exit_due)
    if leaving is None and (entry is None or heading(context.position) == entry.action):
        return ()

    price = exact(context.price)
    exits = () if leaving is None else (_signal(EXIT_OF[LEAVES[leaving.action]], price, leaving),)
    return exits if entry is None else (*exits, _entered(entry, price))


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


def _legal(orders: list[Order]) -> list[Order]:
    """A spot market has no short side: there, going short is leaving what was bought."""
    return [
        Order("EXIT_LONG", reason=order.reason) if order.action == "SHORT" else order
        for order in orders
    ]


def _entry(orders: list[Order]) -> Order | None:
    found: Order | None = None
    for order in orders:
        if order.action in SIDE_LEFT_BY:
            continue
        if found is not None and found.action != order.action:
            raise SignalError("the hook asked for long and short at once")
        found = order
    return found


def _exit(orders: list[Order], due: Side | None) -> Order | None:
    if due is not None:
        for order in orders:
            if LEAVES[order.action] == due:
                return order
    return None


def _signal(action: Action, price: Decimal, order: Order) -> Signal:
    return Signal(action, price, None, None, order.reason)


def _entered(order: Order, price: Decimal) -> Signal:
    stop, target = order.stop_loss, order.take_profit
    return Signal(
        order.action,
        price,
        None if stop is None else exact(stop),
        None if target is None else exact(target),
        order.reason,
    )


def _short(item: object) -> str:
    text = repr(item)
    return text if len(text) <= 80 else f"{text[:77]}..."
