"""The private routes of spot, and what a fault makes of them."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import spot_views
from tests.coindcx_sim.accounts import Account, SpotOrder
from tests.coindcx_sim.answers import Refusal, invalid
from tests.coindcx_sim.calls import SimCall
from tests.coindcx_sim.spot import OPEN, Spot
from tests.coindcx_sim.spot_rules import number
from tests.coindcx_sim.world import World

BATCH = 10


@dataclass
class SpotRoutes:
    world: World
    spot: Spot

    def balances(self, call: SimCall) -> Any:
        account = call.account
        if account.balances_before is not None and self.world.now_ms < account.balance_shown_ms:
            return account.balances_before
        return spot_views.balances(self.world, account)

    def info(self, call: SimCall) -> Any:
        return [
            {
                "coindcx_id": call.account.coindcx_id,
                "first_name": "A",
                "last_name": "B",
                "mobile_number": "0000000000",
                "email": "a@example.com",
            }
        ]

    def create(self, call: SimCall) -> Any:
        return {"orders": [self._view(self._make(call, call.fields))]}

    def create_multiple(self, call: SimCall) -> Any:
        asked = call.fields.get("orders")
        if not isinstance(asked, list) or not 1 <= len(asked) <= BATCH:
            raise invalid()
        made: list[Any] = []
        for fields in asked:
            try:
                if not isinstance(fields, dict) or fields.get("ecode") != "I":
                    raise invalid()
                market = self.world.spot.get(str(fields.get("market")))
                if market is not None and not market.pair.startswith("I-"):
                    raise Refusal(422, "Currency pair is not valid")
                made.append(self._make(call, fields))
            except Refusal as refusal:
                if self.world.switches.batch == "all":
                    self._undo(call.account, made)
                    raise
                made.append({"error_message": refusal.body["message"]})
        return {"orders": [each if isinstance(each, dict) else self._view(each) for each in made]}

    def status(self, call: SimCall) -> Any:
        return self._view(self._named(call))

    def status_multiple(self, call: SimCall) -> Any:
        return [self._view(each) for each in self._several(call)]

    def active_orders(self, call: SimCall) -> Any:
        page, size = call.count("page", 1), min(call.count("size", 200), 200)
        found = self._active(call)[(page - 1) * size : page * size]
        return {"orders": [spot_views.active(self.world, call.account, each) for each in found]}

    def active_orders_count(self, call: SimCall) -> Any:
        return {"count": len(self._active(call)), "status": 200}

    def trade_history(self, call: SimCall) -> Any:
        limit, after = call.count("limit", 500), call.count("from_id", 0)
        if limit > 500:
            raise Refusal(422, "limit must be less than or equal to 500", "BFF-SO-004")
        wanted = call.fields.get("symbol")
        since, until = call.count("from_timestamp", 0), call.count("to_timestamp", 2**60)
        found = [
            each
            for each in call.account.trades
            if each["id"] > after
            and wanted in (None, each["symbol"])
            and since <= each["timestamp"] <= until
        ]
        return (found[::-1] if call.fields.get("sort") == "desc" else found)[:limit]

    def cancel(self, call: SimCall) -> Any:
        self._cancel(call, self._named(call, missing=invalid()))
        return self.ack()

    def cancel_by_ids(self, call: SimCall) -> Any:
        for order in self._several(call):
            if order.status in OPEN:
                self._cancel(call, order)
        return self.ack()

    def cancel_all(self, call: SimCall) -> Any:
        for order in self._active(call):
            if order.status != "init" or self.world.switches.init_cancellable:
                self._cancel(call, order)
        return self.ack()

    def edit(self, call: SimCall) -> Any:
        order = self._named(call)
        self.spot.edit(call.account, order, call.fields.get("price_per_unit"))
        return self._view(order)

    def ack(self) -> dict[str, Any]:
        word = self.world.switches.ack_status == "word"
        return {"message": "success", "status": "success" if word else 200, "code": 200}

    def _make(self, call: SimCall, fields: dict[str, Any]) -> SpotOrder:
        name = fields.get("client_order_id")
        if call.struck("dup_coid_accept"):
            call.account.by_client_id.pop(str(name), None)
        if call.struck("dup_coid_refuse"):
            raise Refusal(self.world.switches.duplicate_status, "Client order id already exists")
        order = self.spot.create(call.account, fields)
        if call.struck("partial_fill"):
            order.fill_share = Decimal(str(call.value))
        if call.struck("invisible_for"):
            order.visible_ms = self.world.now_ms + int(call.value * 1000)
        if call.struck("reject_after_ack"):
            self.world.timers.at(
                self.world.timers.now_ms, lambda _: self.spot.reject(call.account, order)
            )
        return order

    def _undo(self, account: Account, made: list[Any]) -> None:
        for order in made:
            if isinstance(order, SpotOrder):
                self.spot.reject(account, order)

    def _cancel(self, call: SimCall, order: SpotOrder) -> None:
        line = self.world.tape.line(order.market)
        if call.struck("fill_before_cancel") and order.status in OPEN:
            self.spot.fill(call.account, order, order.price or line.last, order.remaining)
        if call.struck("fill_after_cancel") and order.status in OPEN:
            self.spot.fill(call.account, order, order.price or line.last, order.remaining)
            return
        self.spot.cancel(call.account, order)

    def _view(self, order: SpotOrder) -> dict[str, Any]:
        return spot_views.order(self.world, order)

    def _named(self, call: SimCall, missing: Refusal | None = None) -> SpotOrder:
        found = self._found(call.account, call.fields.get("id"), call.fields.get("client_order_id"))
        if found is not None:
            return found
        if missing is None and self.world.switches.unknown_order == 404:
            missing = Refusal(404, "Order not found")
        raise missing or invalid()

    def _found(self, account: Account, order_id: Any, name: Any) -> SpotOrder | None:
        found = None
        if order_id is not None:
            wanted = number(order_id)
            if wanted is None or wanted <= 0 or wanted != int(wanted):
                raise invalid()
            found = account.orders.get(int(wanted))
        elif isinstance(name, str):
            found = account.by_client_id.get(name)
        else:
            raise invalid()
        return found if found is not None and found.visible_ms <= self.world.now_ms else None

    def _several(self, call: SimCall) -> list[SpotOrder]:
        ids, names = call.fields.get("ids"), call.fields.get("client_order_ids")
        asked = ids if ids is not None else names
        if not isinstance(asked, list) or not 1 <= len(asked) <= BATCH:
            raise invalid()
        found = [
            self._found(call.account, each, None)
            if ids is not None
            else self._found(call.account, None, each)
            for each in asked
        ]
        return [each for each in found if each is not None]

    def _active(self, call: SimCall) -> list[SpotOrder]:
        market, side = call.fields.get("market"), call.fields.get("side")
        if market not in self.world.spot:
            raise invalid()
        return [
            each
            for each in call.account.open_spot.values()
            if each.market == market
            and side in (None, each.side)
            and each.visible_ms <= self.world.now_ms
        ]
