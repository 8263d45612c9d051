"""What an account may do with futures: order, edit, set leverage, protect, exit."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import crossed, futures_views
from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position
from tests.coindcx_sim.answers import Refusal, invalid, plain
from tests.coindcx_sim.futures_book import FuturesBook
from tests.coindcx_sim.futures_matching import FuturesMatching
from tests.coindcx_sim.futures_rules import TRIGGERED, checked, reduces, tier_leverage
from tests.coindcx_sim.spot_rules import number
from tests.coindcx_sim.world import World


@dataclass
class Futures:
    world: World
    book: FuturesBook
    matching: FuturesMatching

    def create(
        self, account: Account, fields: dict[str, Any], *, foreign: bool = False, parts: int = 1
    ) -> list[FuturesOrder]:
        """The order, or the pieces that a large one is split into."""
        fields = dict(fields)
        market = checked(self.world, account, fields)
        book, kind = fields["margin_currency_short_name"], fields["order_type"]
        if book not in account.wallets:
            raise Refusal(404, "Wallet not found")
        inline = [number(fields.get(f"{leg}_price")) for leg in ("take_profit", "stop_loss")]
        if any(inline) and self.world.switches.inline_stops == "refused":
            raise Refusal(400, "Instrument is not active")
        if self.world.switches.inline_stops == "dropped":
            inline = [None, None]
        self._margin_type(account, market.pair, book, fields)
        whole = number(fields["total_quantity"]) or ZERO
        first = whole // market.step // parts * market.step
        sizes = [first, whole - first] if parts > 1 and first else [whole]
        orders = [self._made(account, market.pair, fields, size, inline) for size in sizes]
        position = account.positions.get((market.pair, book))
        for order in orders:
            order.foreign = foreign
            order.status = "untriggered" if kind in TRIGGERED else "open"
            if len(orders) > 1:
                order.group_id = f"{orders[0].id[:8]}{market.pair}{self.world.now_ms // 1000}"
            if reduces(position, order.side, whole):
                order.take_profit = order.stop_loss = None
            else:
                self.book.lock(account, order, position)
            self.book.keep(account, order)
            self._later(account, order)
        return orders

    def edit(self, account: Account, order: FuturesOrder, fields: dict[str, Any]) -> None:
        if order.book != "USDT" or order.status != "open":
            raise invalid()
        asked = {
            "pair": order.pair,
            "side": order.side,
            "order_type": order.kind,
            "leverage": order.leverage,
            "notification": "no_notification",
            "price": fields.get("price"),
            "total_quantity": fields.get("total_quantity"),
        }
        market = checked(self.world, account, asked)
        before = (order.price, order.quantity, order.remaining, order.ideal_margin)
        self.book.release(account, order)
        order.price = number(fields["price"]) or order.price
        order.quantity = order.remaining = number(fields["total_quantity"]) or order.quantity
        order.ideal_margin = self._margin(order, market.taker_fee)
        try:
            self.book.lock(account, order, account.positions.get((order.pair, order.book)))
        except Refusal:
            order.price, order.quantity, order.remaining, order.ideal_margin = before
            self.book.lock(account, order, account.positions.get((order.pair, order.book)))
            raise
        order.updated_ms = self.world.now_ms
        self._later(account, order)

    def set_leverage(self, account: Account, pair: str, book: str, value: Any) -> None:
        leverage, market = number(value), self.world.futures.get(pair)
        if leverage is None or market is None:
            raise invalid()
        if leverage < 1:
            raise Refusal(400, "Leverage cannot be less than 1x")
        position = self.book.positions.of(account, pair, book)
        size = abs(position.quantity) * position.average
        highest = tier_leverage(market, size)
        if leverage > highest:
            text = f"Max allowed leverage for current position size = {highest}x"
            raise Refusal(400, text)
        if position.quantity:
            self._relever(account, position, leverage, market.taker_fee)
        account.leverages[pair, book] = leverage
        position.leverage = leverage

    def may_change_margin_type(self, account: Account, position: Position) -> bool:
        where = (position.pair, position.book)
        ordered = any((each.pair, each.book) == where for each in account.open_futures.values())
        return not position.quantity and not ordered

    def move_margin(self, account: Account, position: Position, amount: Decimal) -> None:
        """Into the position if positive; in the book's own currency."""
        if not position.quantity:
            raise Refusal(422, "Cannot change margin for an inactive position")
        if position.margin_type == "crossed":
            raise invalid()  # it has none of its own
        purse = self.book.positions.purse(account, position.book)
        rate = self.book.positions.rate(position.book)
        if crossed.spare(self.world, account, position.book) < amount:
            raise Refusal(400, "Insufficient funds")
        if position.locked_margin + amount / rate <= 0:
            raise Refusal(422, "Cannot remove margin more than available in position")
        position.locked_margin += amount / rate
        if self.book.positions.is_sunk(position):
            position.locked_margin -= amount / rate
            raise Refusal(422, "Liquidation will be triggered instantly")
        purse.free -= amount
        purse.locked += amount
        position.user_margin += amount / rate

    def protect(
        self, account: Account, position: Position, leg: str, asked: dict[str, Any]
    ) -> dict[str, Any]:
        """One leg of create_tpsl: an order, or why not."""
        price = number(asked.get("stop_price"))
        wanted = "stop_market" if leg == "stop_loss" else "take_profit_market"
        if price is None or price <= 0 or asked.get("order_type") != wanted:
            raise invalid()
        if not position.quantity:
            return _failed("Position is not active")
        if futures_views.stops_of(account, position)[leg] is not None:
            return _failed(f"{'SL' if leg == 'stop_loss' else 'TP'} already exists")
        if price % self.world.futures[position.pair].tick:
            tick = self.world.futures[position.pair].tick
            return _failed(f"Price should be divisible by {plain(tick)}")
        last = self.world.tape.line(position.pair).last
        above = (position.quantity > 0) == (leg == "take_profit")
        if (price <= last) if above else (price >= last):
            word = "greater" if above else "less"
            return _failed(f"Trigger price should be {word} than the current price")
        return futures_views.order(self.world, self.book.add_stop(account, position, leg, price))

    def _made(
        self,
        account: Account,
        pair: str,
        fields: dict[str, Any],
        quantity: Decimal,
        inline: list[Decimal | None],
    ) -> FuturesOrder:
        kind = fields["order_type"]
        book = fields["margin_currency_short_name"]
        order = self.book.made(account, pair, book, fields["side"], kind, quantity)
        order.price = number(fields.get("price")) or self.world.tape.line(pair).last
        order.stop_price = (number(fields.get("stop_price")) or ZERO) if kind in TRIGGERED else ZERO
        order.leverage = fields["leverage"]
        order.time_in_force = fields.get("time_in_force") or "good_till_cancel"
        order.margin_type = fields["position_margin_type"]
        order.ideal_margin = self._margin(order, self.world.futures[pair].taker_fee)
        if kind in ("market_order", "limit_order"):
            order.take_profit, order.stop_loss = inline
        return order

    def _margin_type(self, account: Account, pair: str, book: str, fields: dict[str, Any]) -> None:
        """As asked, if that may still change; if nothing is asked, the position's own."""
        position = account.positions.get((pair, book))
        present = "isolated" if position is None else position.margin_type
        asked = fields["position_margin_type"] = fields.get("position_margin_type") or present
        if asked == present:
            return
        position = self.book.positions.of(account, pair, book)
        if not self.may_change_margin_type(account, position):
            raise invalid()
        position.margin_type = asked

    def _relever(
        self, account: Account, position: Position, leverage: Decimal, taker_fee: Decimal
    ) -> None:
        """Another leverage asks for other margin at once, out of the wallet or back into it."""
        size = abs(position.quantity) * position.average
        more = size / leverage * (1 + 2 * taker_fee / 100) - position.user_margin
        if position.margin_type == "isolated":
            self.move_margin(account, position, more * self.book.positions.rate(position.book))
            return
        if crossed.available(self.world, account) < more:
            raise Refusal(400, "Insufficient funds")
        position.user_margin += more

    def _margin(self, order: FuturesOrder, taker_fee: Decimal) -> Decimal:
        return order.price * order.quantity / order.leverage * (1 + 2 * taker_fee / 100)

    def _later(self, account: Account, order: FuturesOrder) -> None:
        self.world.timers.at(
            self.world.timers.now_ms + self.world.switches.match_delay_ms,
            lambda _: self.matching.match(account, order, entering=True),
        )


def _failed(error: str) -> dict[str, Any]:
    return {"success": False, "error": error}
