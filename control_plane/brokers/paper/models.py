"""What the paper exchange knows, and what a tick does to one order.

A tick is the market: whoever takes pays `slippage` beyond it, and may take `participation` of its
volume.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from control_plane.brokers.models import DONE, OrderKind, OrderState, Side, Stage
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO, ceil_to, floor_to
from strategy_runtime.wire.messages import Tick

# The smallest amount that the books know: what is charged rounds up to it, what is paid out, down.
UNIT = Decimal("1E-12")
MARKET_LIKE: frozenset[OrderKind] = frozenset({"market", "stop_market", "take_profit"})


@dataclass(frozen=True, slots=True)
class Terms:
    slippage: Decimal
    participation: Decimal


@dataclass(frozen=True, slots=True)
class Cash:
    free: Decimal = ZERO
    locked: Decimal = ZERO


@dataclass(frozen=True, slots=True)
class PaperOrder:
    id: str
    client_order_id: str
    side: Side
    kind: OrderKind
    quantity: Decimal
    created_ms: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    margin_currency: str = ""
    conversion: Decimal = Decimal(1)  # of the quote currency into the margin currency
    leverage: Decimal = Decimal(1)
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    stage: Stage = "default"
    filled: Decimal = ZERO
    fills: int = 0
    lock_currency: str = ""
    locked: Decimal = ZERO
    resting: bool = False
    tick_ms: int = -1
    state: OrderState = "open"
    reason: str | None = None

    @property
    def rest(self) -> Decimal:
        return self.quantity - self.filled

    @property
    def is_live(self) -> bool:
        return self.state not in DONE

    @property
    def sign(self) -> int:
        return 1 if self.side == "buy" else -1


@dataclass(frozen=True, slots=True)
class Held:
    """A futures position in one margin book."""

    margin_currency: str
    quantity: Decimal = ZERO  # signed
    entry_price: Decimal = ZERO
    leverage: Decimal = Decimal(1)
    margin: Decimal = ZERO  # in the margin currency
    conversion: Decimal = Decimal(1)
    stop_loss: Decimal | None = None
    take_profit: Decimal | None = None
    liquidation_price: Decimal | None = None
    generation: int = 0

    @property
    def is_flat(self) -> bool:
        return self.quantity == 0

    def hit(self, price: Decimal) -> Literal["liquidation", "stop", "target"] | None:
        """What this price sets off, the worst first."""
        sign = 1 if self.quantity > 0 else -1

        def is_beyond(level: Decimal | None, direction: int) -> bool:
            return level is not None and (price - level) * sign * direction >= 0

        if self.is_flat:
            return None
        if is_beyond(self.liquidation_price, -1):
            return "liquidation"
        if is_beyond(self.stop_loss, -1):
            return "stop"
        return "target" if is_beyond(self.take_profit, 1) else None


@dataclass(frozen=True, slots=True)
class PaperFill:
    id: str
    order: PaperOrder
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at_ms: int


@dataclass(frozen=True, slots=True)
class Match:
    quantity: Decimal
    price: Decimal
    maker: bool


def meet(order: PaperOrder, tick: Tick, instrument: Instrument, terms: Terms) -> Match | None:
    """What this tick fills of an order that is not waiting for a trigger."""
    taking = _taking_price(order.side, tick.price, instrument, terms)
    if order.kind in MARKET_LIKE:
        price, maker = taking, False
    else:
        limit = order.price
        assert limit is not None
        sign = order.sign
        if not order.resting and (limit - taking) * sign >= 0:
            price, maker = taking, False
        elif order.resting and (limit - tick.price) * sign >= 0:
            price, maker = limit, True
        else:
            return None

    room = floor_to(MONEY.multiply(tick.quantity, terms.participation), instrument.quantity_step)
    quantity = min(order.rest, room)
    return Match(quantity, price, maker) if quantity > 0 else None


def _taking_price(side: Side, last: Decimal, instrument: Instrument, terms: Terms) -> Decimal:
    if side == "buy":
        return ceil_to(MONEY.multiply(last, 1 + terms.slippage), instrument.tick_size)
    price = floor_to(MONEY.multiply(last, 1 - terms.slippage), instrument.tick_size)
    return max(price, instrument.tick_size)


def is_triggered(order: PaperOrder, price: Decimal) -> bool:
    assert order.trigger_price is not None
    is_stop = order.kind != "take_profit"
    falls = (order.side == "sell") == is_stop
    return price <= order.trigger_price if falls else price >= order.trigger_price


def charge(amount: Decimal) -> Decimal:
    return ceil_to(amount, UNIT)


def credit(amount: Decimal) -> Decimal:
    return floor_to(amount, UNIT)
