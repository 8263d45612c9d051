"""The private routes of futures."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import crossed, futures_views
from tests.coindcx_sim.accounts import FuturesOrder, Position
from tests.coindcx_sim.answers import Refusal, invalid, not_found
from tests.coindcx_sim.calls import SimCall
from tests.coindcx_sim.futures import Futures
from tests.coindcx_sim.futures_rules import BOOKS
from tests.coindcx_sim.spot_rules import number
from tests.coindcx_sim.world import World

ACK = {"message": "success", "status": 200, "code": 200}


@dataclass
class FuturesRoutes:
    world: World
    futures: Futures

    def orders(self, call: SimCall) -> Any:
        statuses = call.text("status").split(",")
        side, books = call.text("side"), self._books(call)
        if side not in ("buy", "sell"):
            raise invalid()
        found = [
            each
            for each in reversed(call.account.futures.values())
            if each.side == side
            and each.book in books
            and each.status in statuses
            and each.visible_ms <= self.world.now_ms
        ]
        return [futures_views.order(self.world, each) for each in self._page(call, found)]

    def create(self, call: SimCall) -> Any:
        fields = call.fields.get("order")
        if not isinstance(fields, dict):
            raise invalid()
        if call.struck("drop_sl_silently"):
            fields = {k: v for k, v in fields.items() if k != "stop_loss_price"}
        parts = 2 if call.struck("split_into_children") else 1
        made = self.futures.create(call.account, fields, parts=parts)
        for order in made:
            if call.struck("partial_fill"):
                order.fill_share = Decimal(str(call.value))
            if call.struck("invisible_for"):
                order.visible_ms = self.world.now_ms + int(call.value * 1000)
            if call.struck("reject_after_ack"):
                self.futures.book.end(call.account, order, "rejected")
        return [futures_views.order(self.world, each, status="initial") for each in made]

    def cancel(self, call: SimCall) -> Any:
        order = self._order(call)
        line = self.world.tape.line(order.pair)
        matching = self.futures.matching
        live = order.status in ("open", "partially_filled")
        if live and (call.struck("fill_before_cancel") or call.struck("fill_after_cancel")):
            matching.fill(call.account, order, order.price or line.last, order.remaining)
            if call.struck("fill_after_cancel"):
                return ACK
        self.futures.book.cancel(call.account, order)
        return ACK

    def edit(self, call: SimCall) -> Any:
        order = self._order(call)
        self.futures.edit(call.account, order, call.fields)
        row = futures_views.order(self.world, order)
        return [
            {
                **row,
                "locked_margin": order.locked,
                "trades": [],
                "display_message": "Order edited successfully",
            }
        ]

    def positions(self, call: SimCall) -> Any:
        books = self._books(call)
        pairs, ids = call.fields.get("pairs"), call.fields.get("position_ids")
        found = [
            each
            for each in call.account.positions.values()
            if each.book in books
            and (pairs is None or each.pair in str(pairs).split(","))
            and (ids is None or each.id in str(ids).split(","))
        ]
        return [
            futures_views.position(self.world, call.account, each)
            for each in self._page(call, found)
        ]

    def update_leverage(self, call: SimCall) -> Any:
        pair, book = call.fields.get("pair"), call.text("margin_currency_short_name")
        if pair is None:
            pair = self._position(call).pair
        if book not in BOOKS:
            raise invalid()
        self.futures.set_leverage(call.account, str(pair), book, call.fields.get("leverage"))
        return ACK

    def add_margin(self, call: SimCall) -> Any:
        return self._margin(call, 1)

    def remove_margin(self, call: SimCall) -> Any:
        return self._margin(call, -1)

    def cancel_all(self, call: SimCall) -> Any:
        books = self._books(call)
        self._cancel_all(call, [o for o in call.account.open_futures.values() if o.book in books])
        return ACK

    def cancel_all_of_position(self, call: SimCall) -> Any:
        position = self._position(call)
        found = [
            each
            for each in call.account.open_futures.values()
            if (each.pair, each.book) == (position.pair, position.book)
        ]
        self._cancel_all(call, found)
        return ACK

    def exit(self, call: SimCall) -> Any:
        position = self._position(call)
        if not position.quantity:
            raise Refusal(422, "Cannot exit an inactive position")
        order = self.futures.matching.close(call.account, position, "exit")
        return {**ACK, "data": {"group_id": order.group_id}}

    def create_tpsl(self, call: SimCall) -> Any:
        position = self._position(call)
        asked = {leg: call.fields.get(leg) for leg in ("stop_loss", "take_profit")}
        given = {leg: each for leg, each in asked.items() if isinstance(each, dict)}
        if not given:
            raise invalid()
        if call.struck("drop_sl_silently"):
            return {leg: {"success": True} for leg in given}
        return {
            leg: self.futures.protect(call.account, position, leg, each)
            for leg, each in given.items()
        }

    def margin_type(self, call: SimCall) -> Any:
        kind, pair = call.fields.get("margin_type"), call.text("pair")
        if kind not in ("isolated", "crossed") or pair not in self.world.futures:
            raise invalid()
        position = self.futures.book.positions.of(call.account, pair, "USDT")
        if not self.futures.may_change_margin_type(call.account, position):
            raise invalid()
        position.margin_type = kind
        row = futures_views.position(self.world, call.account, position)
        for key in ("settlement_currency_avg_price", "margin_currency_short_name"):
            row.pop(key)
        return [row]

    def transactions(self, call: SimCall) -> Any:
        stage, books = call.fields.get("stage", "all"), self._books(call)
        found = [
            each
            for each in reversed(call.account.transactions)
            if each["margin_currency_short_name"] in books and stage in ("all", each["stage"])
        ]
        return self._page(call, found)

    def cross_margin(self, call: SimCall) -> Any:
        return crossed.details(self.world, call.account)

    def trades(self, call: SimCall) -> Any:
        pair, order = call.fields.get("pair"), call.fields.get("order_id")
        found = [
            each
            for each in reversed(call.account.futures_trades)
            if pair in (None, each["pair"]) and order in (None, each["order_id"])
        ]
        return self._page(call, found)

    def wallets(self, call: SimCall) -> Any:
        if not call.account.wallets:
            raise Refusal(404, "Wallet not found")
        return futures_views.wallets(call.account)

    def wallet_transactions(self, call: SimCall) -> Any:
        return self._page(call, call.account.wallet_moves)

    def _margin(self, call: SimCall, sign: int) -> Any:
        amount = number(call.fields.get("amount"))
        if amount is None or amount <= 0:
            raise invalid()
        self.futures.move_margin(call.account, self._position(call), amount * sign)
        return ACK

    def _cancel_all(self, call: SimCall, orders: list[FuturesOrder]) -> None:
        for order in orders:
            self.futures.book.cancel(call.account, order)

    def _order(self, call: SimCall) -> FuturesOrder:
        order = call.account.futures.get(call.text("id"))
        if order is None or order.visible_ms > self.world.now_ms:
            raise Refusal(404, "Order not found")
        return order

    def _position(self, call: SimCall) -> Position:
        wanted = call.text("id")
        for position in call.account.positions.values():
            if position.id == wanted:
                return position
        raise not_found()

    def _books(self, call: SimCall) -> list[Any]:
        books = call.fields.get("margin_currency_short_name", ["USDT"])
        if not isinstance(books, list):
            raise invalid()
        return books

    def _page(self, call: SimCall, found: list[Any]) -> list[Any]:
        page = max(1, call.count("page", 1))
        size = min(call.count("size", 10), self.world.switches.futures_page)
        return found[(page - 1) * size : page * size]
