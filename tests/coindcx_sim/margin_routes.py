"""Margin orders and lending, as far as the docs tell them: rows that are made, changed and closed.
Nothing trades them; a test moves their status by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim.answers import Refusal, invalid
from tests.coindcx_sim.calls import SimCall
from tests.coindcx_sim.spot_rules import number
from tests.coindcx_sim.world import World

KINDS = ("market_order", "limit_order", "stop_limit", "take_profit")
FEE = Decimal("0.02")  # percent
MOST_OPEN = 10
LIVE = ("init", "open", "partial_entry", "partial_close", "triggered")

Route = Callable[[SimCall], Any]


def ack(message: str) -> dict[str, Any]:
    return {"message": message, "status": 200, "code": 200}


def _told(call: SimCall, row: dict[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in row.items() if k != "orders" or call.fields.get("details")}


@dataclass
class MarginRoutes:
    world: World

    def routes(self) -> Mapping[str, Route]:
        return {
            "create": self.create,
            "cancel": lambda call: self._end(
                call, ("init", "partial_entry", "triggered"), "cancelled", "Cancellation accepted"
            ),
            "exit": lambda call: self._end(
                call, ("open", "partial_close"), "close", "Order exit accepted"
            ),
            "edit_target": lambda call: self._put(
                call, "target_price", "target_price", "Target price updated"
            ),
            "edit_price_of_target_order": self.edit_price_of_target_order,
            "edit_sl": lambda call: self._stop(call, is_trailing=False),
            "edit_trailing_sl": lambda call: self._stop(call, is_trailing=True),
            "add_margin": lambda call: self._move(call, 1, "Margin added successfully"),
            "remove_margin": lambda call: self._move(call, -1, "Margin removed successfully"),
            "fetch_orders": self.fetch_orders,
            "order": lambda call: [_told(call, self._order(call))],
        }

    def lending(self) -> Mapping[str, Route]:
        return {"fetch_orders": self.lent, "lend": self.lend, "settle": self.settle}

    # ---- margin ----------------------------------------------------------------------------------

    def create(self, call: SimCall) -> Any:
        market, kind = self.world.spot.get(call.text("market")), call.text("order_type")
        quantity, price = number(call.fields.get("quantity")), number(call.fields.get("price"))
        if market is None or kind not in KINDS or call.text("ecode") != "B" or not quantity:
            raise invalid()
        if kind != "market_order" and not price:
            raise invalid()
        stop = number(call.fields.get("stop_price"))
        if kind in ("stop_limit", "take_profit") and not stop:
            raise invalid()
        live = [each for each in call.account.margin_orders if each["status"] in LIVE]
        if sum(each["market"] == market.name for each in live) >= MOST_OPEN:
            raise Refusal(422, "Open orders limit reached")
        price = price or self.world.tape.line(market.name).last
        leverage = number(call.fields.get("leverage")) or Decimal(1)
        made = {
            "id": self.world.uuid(f"margin {call.account.key}"),
            "side": call.text("side"),
            "status": "init",
            "market": market.name,
            "order_type": kind,
            "trailing_sl": bool(call.fields.get("trailing_sl")),
            "trail_percent": None,
            "avg_entry": 0,
            "avg_exit": 0,
            "fee": FEE,
            "active_pos": 0,
            "quantity": quantity,
            "price": price,
            "sl_price": 0,
            "target_price": number(call.fields.get("target_price")) or 0,
            "stop_price": stop or 0,
            "pnl": 0,
            # As the docs' sample has it: the fees of both ways on top.
            "initial_margin": quantity * price / leverage * (1 + 2 * FEE / 100),
            "leverage": leverage,
            "created_at": self.world.now_ms,
            "updated_at": self.world.now_ms,
            "orders": [self._entry(market.name, call.text("side"), kind, quantity, price)],
        }
        call.account.margin_orders.append(made)
        return [made]

    def _entry(
        self, market: str, side: str, kind: str, quantity: Decimal, price: Decimal
    ) -> dict[str, Any]:
        return {
            "id": self.world.next_id(),
            "order_type": kind,
            "status": "initial",
            "market": market,
            "side": side,
            "avg_price": 0,
            "total_quantity": quantity,
            "remaining_quantity": quantity,
            "price_per_unit": price,
            "timestamp": Decimal(self.world.now_ms) + Decimal("0.75"),
            "fee": FEE,
            "fee_amount": 0,
            "filled_quantity": 0,
            "bo_stage": "stage_entry",
            "cancelled_quantity": 0,
            "stop_price": 0,
        }

    def fetch_orders(self, call: SimCall) -> Any:
        status, market = call.fields.get("status"), call.fields.get("market")
        found = [
            _told(call, each)
            for each in call.account.margin_orders
            if (status is None or each["status"] in str(status).split(","))
            and market in (None, each["market"])
        ]
        size, page = call.count("size", 10), call.count("page", 1)
        return found[(page - 1) * size : page * size]

    def edit_price_of_target_order(self, call: SimCall) -> Any:
        if call.fields.get("itpo_id") is None:
            raise invalid()
        return self._put(call, "target_price", "target_price", "Target price updated")

    def _stop(self, call: SimCall, *, is_trailing: bool) -> Any:
        if self._order(call)["trailing_sl"] is not is_trailing:
            raise invalid()
        word = "Trailing SL price updated" if is_trailing else "SL price updated"
        return self._put(call, "sl_price", "sl_price", word)

    def _put(self, call: SimCall, asked: str, key: str, word: str) -> Any:
        value = number(call.fields.get(asked))
        if not value:
            raise invalid()
        self._order(call)[key] = value
        return ack(word)

    def _move(self, call: SimCall, sign: int, word: str) -> Any:
        amount, order = number(call.fields.get("amount")), self._order(call)
        if not amount or order["initial_margin"] + sign * amount <= 0:
            raise invalid()
        order["initial_margin"] += sign * amount
        return ack(word)

    def _end(self, call: SimCall, live: tuple[str, ...], status: str, word: str) -> Any:
        order = self._order(call)
        if order["status"] not in live:
            raise Refusal(422, "This order cannot be cancelled")
        order["status"] = status
        return ack(word)

    def _order(self, call: SimCall) -> dict[str, Any]:
        for each in call.account.margin_orders:
            if each["id"] == call.text("id"):
                return each
        raise invalid()

    # ---- lending ---------------------------------------------------------------------------------

    def lent(self, call: SimCall) -> Any:
        return call.account.lent

    def lend(self, call: SimCall) -> Any:
        amount, days = number(call.fields.get("amount")), call.count("duration", 0)
        currency = call.text("currency_short_name")
        if not amount or not days:
            raise invalid()
        purse = call.account.purses.get(currency)
        if purse is None or purse.free < amount:
            raise Refusal(422, "Insufficient funds", "CA1013")
        purse.free -= amount
        row = {
            "id": self.world.uuid(f"lent {call.account.key}"),
            "currency_short_name": currency,
            "amount": amount,
            "title": f"{days} days",
            "interest": Decimal("0.05"),
            "interest_type": "simple",
            "duration": days,
            "side": "lend",
            "expiry": self.world.now_ms + days * 86_400_000,
            "status": "open",
            "created_at": self.world.now_ms,
            "settled_at": None,
        }
        call.account.lent.append(row)
        return [row]

    def settle(self, call: SimCall) -> Any:
        for row in call.account.lent:
            if row["id"] == call.text("id") and row["status"] == "open":
                row |= {"status": "close", "settled_at": self.world.now_ms}
                call.account.purses[row["currency_short_name"]].free += row["amount"]
                return ack("success")
        raise invalid()
