"""One account's books at the paper exchange for one instrument, without IO: load them, let
something happen, store what changed.

An order remembers the last tick it was matched against, so the same tick never fills twice. No
money appears or vanishes: whatever a fill moves is in `cash`, free or locked, before and after.
"""

from dataclasses import dataclass, field, replace
from decimal import Decimal

from control_plane.brokers.errors import OrderRefused, RefusalReason
from control_plane.brokers.models import Side
from control_plane.brokers.paper.models import (
    MARKET_LIKE,
    Cash,
    Held,
    Match,
    PaperFill,
    PaperOrder,
    Terms,
    charge,
    credit,
    is_triggered,
    meet,
)
from strategy_runtime.rules import sizing
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import MONEY, ZERO, canonical, ceil_to
from strategy_runtime.wire.messages import Tick

# A market order binds a little more than the last price, for it fills at a later one.
MARKET_MARGIN = Decimal("1.05")


@dataclass
class Book:
    """An account's cash, its live orders on one instrument and its futures positions there."""

    account: str
    instrument: Instrument
    terms: Terms
    cash: dict[str, Cash]
    orders: dict[str, PaperOrder] = field(default_factory=dict)
    held: dict[str, Held] = field(default_factory=dict)
    fills: list[PaperFill] = field(default_factory=list)

    def place(self, order: PaperOrder, last: Tick | None) -> PaperOrder:
        """Take an order in, or refuse it. It meets the last tick at once, if there is one."""
        if self.instrument.is_futures and order.stage == "default":
            self._check_leverage(order)
        order = self._bind(order, last)
        if order.trigger_price is not None:
            _check_trigger(order, last)
            order = replace(order, state="untriggered")
        self.orders[order.id] = order
        if last is not None:
            self._meet(order, last)
        return self.orders[order.id]

    def close_position(self, order: PaperOrder, last: Tick | None) -> PaperOrder:
        """The position's own exit: all of it, at the market, and nothing beyond it."""
        held = self.held.get(order.margin_currency)
        if held is None or held.is_flat:
            raise OrderRefused("no_position", "There is no open position to exit.")
        for other in [o for o in self.orders.values() if o.stage != "default" and o.is_live]:
            self.cancel(other.id, "replaced by an exit")
        side: Side = "sell" if held.quantity > 0 else "buy"
        order = replace(order, side=side, quantity=abs(held.quantity), kind="market", stage="exit")
        self.orders[order.id] = order
        if last is not None:
            self._meet(order, last)
        return self.orders[order.id]

    def cancel(self, identity: str, reason: str = "cancelled") -> None:
        order = self.orders[identity]
        if not order.is_live:
            raise OrderRefused("already_done", f"The order is {order.state} already.")
        self._release(order, order.locked)
        self.orders[identity] = replace(order, state="cancelled", reason=reason, locked=ZERO)

    def on_tick(self, tick: Tick) -> None:
        for identity in list(self.orders):
            order = self.orders[identity]
            if order.is_live and order.tick_ms < tick.at_ms:
                self._meet(order, tick)
        for margin_currency in sorted(self.held):
            self._watch(self.held[margin_currency], tick)

    def _meet(self, order: PaperOrder, tick: Tick) -> None:
        order = replace(order, tick_ms=tick.at_ms)
        if order.state == "untriggered":
            if not is_triggered(order, tick.price):
                return
            order = replace(order, state="open")
        if order.stage != "default":
            order = self._within_position(order)
        match = meet(order, tick, self.instrument, self.terms) if order.is_live else None
        # What did not take at once stands on the book from now on.
        self.orders[order.id] = replace(order, resting=order.kind not in MARKET_LIKE)
        if match is not None:
            self._fill(order, match, tick.at_ms)

    def _fill(self, order: PaperOrder, match: Match, at_ms: int) -> None:
        rate = self.instrument.maker_fee if match.maker else self.instrument.taker_fee
        fee = MONEY.multiply(MONEY.multiply(match.quantity, match.price), rate)
        order = replace(
            order, filled=order.filled + match.quantity, fills=order.fills + 1, resting=True
        )
        order = replace(order, state="partial" if order.rest > 0 else "filled")
        try:
            if self.instrument.is_futures:
                order = self._settle_futures(order, match, fee)
            else:
                order = self._settle_spot(order, match, fee)
        except OrderRefused as refusal:
            self.cancel(order.id, refusal.reason)
            return

        self.orders[order.id] = order
        fill_id = f"{order.id}-{order.fills}"
        quote = self.instrument.quote
        self.fills.append(PaperFill(fill_id, order, match.quantity, match.price, fee, quote, at_ms))

    # ---- spot --------------------------------------------------------------------------------

    def _settle_spot(self, order: PaperOrder, match: Match, fee: Decimal) -> PaperOrder:
        value = MONEY.multiply(match.quantity, match.price)
        base, quote = self.instrument.base, self.instrument.quote
        if order.side == "buy":
            order = self._unbind(order, match, self._lock_for(order), value + fee)
            self._add(base, match.quantity)
        else:
            order = self._unbind(order, match, order.rest, match.quantity)
            self._add(quote, value - fee)
        return order

    # ---- futures -----------------------------------------------------------------------------

    def _settle_futures(self, order: PaperOrder, match: Match, fee: Decimal) -> PaperOrder:
        held = self.held.get(order.margin_currency, Held(order.margin_currency))
        is_closing = not held.is_flat and (held.quantity > 0) != (order.side == "buy")
        closing = min(match.quantity, abs(held.quantity)) if is_closing else ZERO
        opening = match.quantity - closing

        gain = ZERO
        if closing:
            held, gain = _reduce(held, closing, match.price)
        margin = ZERO
        if opening:
            held, margin = _increase(held, order, opening, match.price)

        fee = charge(MONEY.multiply(fee, order.conversion))
        bound = ZERO if order.stage != "default" else self._lock_for(order)
        order = self._unbind(order, match, bound, margin + fee - gain)
        self.held[order.margin_currency] = _with_liquidation(held, self.instrument)
        return order

    def _watch(self, held: Held, tick: Tick) -> None:
        cause = held.hit(tick.price)
        busy = any(
            o.is_live and o.stage != "default" and o.margin_currency == held.margin_currency
            for o in self.orders.values()
        )
        if cause is None or (busy and cause != "liquidation"):
            return

        if cause == "liquidation":
            self._cancel_exits(held.margin_currency)
        name = f"{cause}.{self.instrument.id}.{held.margin_currency}.{held.generation}.{tick.at_ms}"
        order = PaperOrder(
            id=f"{self.account}.{name}",
            client_order_id=name,
            side="sell" if held.quantity > 0 else "buy",
            kind="market",
            quantity=abs(held.quantity),
            created_ms=tick.published_ms or tick.at_ms,
            margin_currency=held.margin_currency,
            conversion=held.conversion,
            stage=cause,
            tick_ms=tick.at_ms,
        )
        self.orders[order.id] = order
        if cause == "liquidation":
            at = held.liquidation_price or tick.price
            self._fill(order, Match(order.quantity, at, maker=False), tick.at_ms)
            return
        self._meet(order, tick)

    def _within_position(self, order: PaperOrder) -> PaperOrder:
        """What closes a position never opens the other side."""
        held = self.held.get(order.margin_currency)
        is_against = held is not None and held.quantity * order.sign < 0
        left = abs(held.quantity) if held is not None and is_against else ZERO
        if left == 0:
            return replace(order, state="cancelled", reason="the position is closed")
        return replace(order, quantity=order.filled + min(order.rest, left))

    def _cancel_exits(self, margin_currency: str) -> None:
        for order in list(self.orders.values()):
            if order.is_live and order.margin_currency == margin_currency:
                self.cancel(order.id, "the position is liquidated")

    # ---- cash --------------------------------------------------------------------------------

    def _bind(self, order: PaperOrder, last: Tick | None) -> PaperOrder:
        """Lock what the order can cost; a market order is priced by the last tick."""
        if order.kind in MARKET_LIKE and order.price is None:
            order = replace(order, price=self._reference(order, last))
        spot_sell = not self.instrument.is_futures and order.side == "sell"
        currency = self.instrument.base if spot_sell else self._currency(order)
        needed = order.rest if spot_sell else self._lock_for(order)
        cash = self.cash.get(currency, Cash())
        if needed > cash.free:
            raise _insufficient(order, spot_sell, currency, needed, cash.free)
        self.cash[currency] = Cash(cash.free - needed, cash.locked + needed)
        return replace(order, lock_currency=currency, locked=needed)

    def _lock_for(self, order: PaperOrder) -> Decimal:
        """What the open rest of an order that buys, or opens a future, may cost."""
        if order.stage != "default" or order.price is None:
            return ZERO
        value = MONEY.multiply(order.rest, order.price)
        fee = MONEY.multiply(value, self.instrument.taker_fee)
        if not self.instrument.is_futures:
            return charge(value + fee)
        held = self.held.get(order.margin_currency)
        if held is not None and held.quantity * order.sign < 0:
            return ZERO  # it reduces: the position's own margin pays
        cost = MONEY.divide(value, order.leverage) + 2 * fee
        return charge(MONEY.multiply(cost, order.conversion))

    def _unbind(
        self, order: PaperOrder, match: Match, still_needed: Decimal, cost: Decimal
    ) -> PaperOrder:
        """Free what is no longer bound, then pay; what is short comes from the free cash."""
        currency = order.lock_currency or self._currency(order)
        keep = min(order.locked, still_needed) if order.rest > 0 else ZERO
        cash = self.cash.get(currency, Cash())
        free = cash.free + (order.locked - keep) - cost
        if free < 0:
            raise OrderRefused("insufficient_funds", f"Not enough {currency} for the fill.")
        self.cash[currency] = Cash(free, cash.locked - (order.locked - keep))
        return replace(order, locked=keep, lock_currency=currency)

    def _release(self, order: PaperOrder, amount: Decimal) -> None:
        cash = self.cash.get(order.lock_currency, Cash())
        if amount:
            self.cash[order.lock_currency] = Cash(cash.free + amount, cash.locked - amount)

    def _add(self, currency: str, amount: Decimal) -> None:
        cash = self.cash.get(currency, Cash())
        self.cash[currency] = Cash(cash.free + amount, cash.locked)

    def _currency(self, order: PaperOrder) -> str:
        return order.margin_currency if self.instrument.is_futures else self.instrument.quote

    def _reference(self, order: PaperOrder, last: Tick | None) -> Decimal | None:
        if order.trigger_price is not None:
            base = order.trigger_price
        elif last is not None:
            base = last.price
        elif order.side == "sell" and not self.instrument.is_futures:
            return None
        else:
            raise OrderRefused("other", "There is no price yet: send a limit order.")
        return ceil_to(MONEY.multiply(base, MARKET_MARGIN), self.instrument.tick_size)

    def _check_leverage(self, order: PaperOrder) -> None:
        held = self.held.get(order.margin_currency)
        if held is not None and not held.is_flat and held.leverage != order.leverage:
            raise OrderRefused("leverage", "Order leverage must be equal to position leverage.")


def _check_trigger(order: PaperOrder, last: Tick | None) -> None:
    if last is not None and is_triggered(order, last.price):
        raise OrderRefused(
            "trigger_passed",
            f"The price {canonical(last.price)} is beyond the trigger already.",
        )


def _increase(
    held: Held, order: PaperOrder, quantity: Decimal, price: Decimal
) -> tuple[Held, Decimal]:
    """The position after opening more, and the margin that it takes."""
    value = MONEY.multiply(quantity, price)
    margin = charge(MONEY.multiply(MONEY.divide(value, order.leverage), order.conversion))
    size = abs(held.quantity) + quantity
    total = MONEY.multiply(abs(held.quantity), held.entry_price) + value
    return (
        replace(
            held,
            quantity=size * order.sign,
            entry_price=MONEY.divide(total, size),
            leverage=order.leverage,
            margin=held.margin + margin,
            conversion=order.conversion,
            stop_loss=order.stop_loss or held.stop_loss,
            take_profit=order.take_profit or held.take_profit,
            generation=held.generation + (1 if held.is_flat else 0),
        ),
        margin,
    )


def _reduce(held: Held, quantity: Decimal, price: Decimal) -> tuple[Held, Decimal]:
    """The position after closing some, and what comes back: never less than nothing, for a margin
    is isolated.
    """
    sign = 1 if held.quantity > 0 else -1
    share = MONEY.divide(quantity, abs(held.quantity))
    released = held.margin if share == 1 else credit(MONEY.multiply(held.margin, share))
    gain = MONEY.multiply(
        MONEY.multiply(price - held.entry_price, quantity * sign), held.conversion
    )
    left = held.quantity - quantity * sign
    if left == 0:
        after = Held(held.margin_currency, leverage=held.leverage, generation=held.generation)
    else:
        after = replace(held, quantity=left, margin=held.margin - released)
    return after, max(released + credit(gain), ZERO)


def _with_liquidation(held: Held, instrument: Instrument) -> Held:
    if held.is_flat:
        return held
    side: sizing.Side = "LONG" if held.quantity > 0 else "SHORT"
    price = sizing.liquidation_price(instrument, side, held.entry_price, held.leverage)
    return replace(held, liquidation_price=price)


def _insufficient(
    order: PaperOrder, spot_sell: bool, currency: str, needed: Decimal, free: Decimal
) -> OrderRefused:
    # Selling what one does not have is a short sale, which spot does not know.
    reason: RefusalReason = "no_short" if spot_sell and free == 0 else "insufficient_funds"
    return OrderRefused(
        reason,
        f"The order needs {canonical(needed)} {currency}, {canonical(free)} are free.",
    )
