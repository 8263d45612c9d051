"""A tick as a strategy sees it: floats, like a candle's, to be multiplied with floats."""

from msgspec import Struct

from strategy_runtime.wire import messages


class Tick(Struct, frozen=True, gc=False):
    """The latest price; `quantity` is all that traded since the tick before."""

    at_ms: int  # market time
    price: float
    quantity: float


def seen(tick: messages.Tick) -> Tick:
    return Tick(tick.at_ms, float(tick.price), float(tick.quantity))
