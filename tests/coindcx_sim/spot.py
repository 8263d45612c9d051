"""Spot: the state machine, matching against the tape, fees."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import spot_views
from tests.coindcx_sim.accounts import ZERO, Account, SpotOrder
from tests.coindcx_sim.answers import Refusal
from tests.coindcx_sim.markets import SpotMarket
from tests.coindcx_sim.spot_book import SpotBook
from tests.coindcx_sim.spot_rules import STOPS, checked, checked_price, number
from tests.coindcx_sim.world import World

OPEN = ("init", "open", "partially_filled")


@dataclass
class Spot:
    world: World
    book: SpotBook

    def create(
        self, account: Account, fields: dict[str, Any], *, foreign: bool = False
    ) -> SpotOrder:
        market = checked(self.world, account, fields)
        now = self.world.now_ms
        kind = fields["order_type"]
        quantity = number(fields["total_quantity"]) or ZERO
        order = SpotOrder(
            id=0,
            client_order_id=fields.get("client_order_id") or "",
            market=market.name,
            side=fields["side"],
            kind=kind,
            quantity=quantity,
            price=(number(fields.get("price_per_unit")) or ZERO)
            if kind != "market_order"
            else ZERO,
            stop_price=(number(fields.get("stop_price")) or ZERO) if kind in STOPS else ZERO,
            fee_percent=market.fee,
            created_ms=now,
            updated_ms=now,
            status=self.world.switches.created_as,
            remaining=quantity,
            triggered=kind not in STOPS,
            foreign=foreign,
        )
        self.book.lock(account, market, order)
        order.id = self.world.next_id()
        self.book.keep(account, order)
        self.world.timers.at(
            self.world.timers.now_ms + self.world.switches.match_delay_ms,
            lambda _: self.enter(account, order),
        )
        return order

    def enter(self, account: Account, order: SpotOrder) -> None:
        """It reaches the book."""
        if order.status not in OPEN:
            return
        if order.status == "init":
            order.status = "open"
        self.match(account, order)
        self.book.tell(account, order)

    def reject(self, account: Account, order: SpotOrder) -> None:
        """Accepted at first, then not: a market order below its minimum, say."""
        if order.status in OPEN:
            self.book.release(account, order)
            self.book.end(account, order, "rejected")

    def cancel(self, account: Account, order: SpotOrder) -> None:
        """Raises for what is done; else it is off the book at once, and told by a later look."""
        open_now = order.status in ("open", "partially_filled")
        if not open_now and not (order.status == "init" and self.world.switches.init_cancellable):
            raise Refusal(422, "This order cannot be cancelled")
        self.book.release(account, order)
        self.book.end(account, order, "partially_cancelled" if order.filled else "cancelled")

    def edit(self, account: Account, order: SpotOrder, value: Any) -> None:
        market = self.world.spot[order.market]
        if not market.pair.startswith("I-"):
            raise Refusal(422, "Edit order is not available yet for this exchange")
        if order.status not in ("open", "partially_filled"):
            raise Refusal(422, "This order cannot be edited")
        price = checked_price(market, value)
        before = order.price
        self.book.release(account, order)
        order.price = price
        try:
            self.book.lock(account, market, order)
        except Refusal:
            order.price = before
            self.book.lock(account, market, order)
            raise
        order.updated_ms = self.world.now_ms
        self.match(account, order)

    def moved(self, market: str) -> None:
        """The price is elsewhere: whoever waits for that, fills."""
        for account, order in list(self.book.resting.get(market, {}).values()):
            if order.status != "init":
                self.match(account, order)

    def match(self, account: Account, order: SpotOrder) -> None:
        line = self.world.tape.line(order.market)
        if not order.triggered:
            order.triggered = _crossed(order, line.last)
        if not order.triggered or order.status not in OPEN:
            return
        price = line.ask if order.side == "buy" else line.bid
        if order.kind != "market_order":
            better = price <= order.price if order.side == "buy" else price >= order.price
            if not better:
                return
        elif order.side == "buy" and not self._affordable(account, order, price):
            return
        wanted = order.remaining
        if order.fill_share is not None:
            market = self.world.spot[order.market]
            share = order.quantity * order.fill_share
            wanted = max(ZERO, share - share % market.step - order.filled)
        if (quantity := line.take(order.side, wanted)) > 0:
            self.fill(account, order, price, quantity)

    def fill(self, account: Account, order: SpotOrder, price: Decimal, quantity: Decimal) -> None:
        market = self.world.spot[order.market]
        value = price * quantity
        fee = value * order.fee_percent / 100
        share = order.locked * quantity / order.remaining
        order.locked -= share
        if order.side == "buy":
            self._buy(account, market, share, value, fee, quantity)
        else:
            account.purse(market.target).locked -= share
            account.purse(market.base).free += value - fee
        order.remaining -= quantity
        order.spent += value
        order.fee += fee
        trade = self.book.trade(account, order, price, quantity, fee)
        if order.remaining:
            order.status = "partially_filled"
            order.updated_ms = self.world.now_ms
        else:
            self.book.release(account, order)
            self.book.end(account, order, "filled")
        self.world.emit(account, "trade-update", lambda: [spot_views.trade_event(order, trade)])

    def _buy(
        self,
        account: Account,
        market: SpotMarket,
        share: Decimal,
        value: Decimal,
        fee: Decimal,
        quantity: Decimal,
    ) -> None:
        paying = account.purse(market.base)
        paying.locked -= share
        if self.world.switches.fee_in_base:
            paying.free += share - value
            account.purse(market.target).free += quantity * (1 - market.fee / 100)
        else:
            paying.free += share - value - fee
            account.purse(market.target).free += quantity

    def _affordable(self, account: Account, order: SpotOrder, price: Decimal) -> bool:
        """A market order that the price ran away from is rejected after all."""
        market = self.world.spot[order.market]
        cost = price * order.remaining * (1 + market.fee / 100)
        if cost <= order.locked + account.purse(market.base).free:
            return True
        self.reject(account, order)
        return False


def _crossed(order: SpotOrder, last: Decimal) -> bool:
    falls = (order.side == "sell") == (order.kind == "stop_limit")
    return last <= order.stop_price if falls else last >= order.stop_price
