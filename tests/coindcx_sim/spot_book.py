"""Spot orders as such: kept, ended, told of, and the money that they lock."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import spot_views
from tests.coindcx_sim.accounts import ZERO, Account, SpotOrder
from tests.coindcx_sim.answers import Refusal
from tests.coindcx_sim.markets import SpotMarket
from tests.coindcx_sim.world import World


@dataclass
class SpotBook:
    world: World
    resting: dict[str, dict[int, tuple[Account, SpotOrder]]] = field(default_factory=dict)

    def lock(self, account: Account, market: SpotMarket, order: SpotOrder) -> None:
        if order.side == "sell":
            currency, needed = market.target, order.remaining
        else:
            price = order.price or self.world.tape.line(market.name).ask
            currency, needed = market.base, price * order.remaining * (1 + market.fee / 100)
        purse = account.purse(currency)
        if purse.free < needed:
            raise Refusal(self.world.switches.funds_status, "Insufficient funds", "CA1013")
        purse.free -= needed
        purse.locked += needed
        order.locked = needed

    def release(self, account: Account, order: SpotOrder) -> None:
        market = self.world.spot[order.market]
        purse = account.purse(market.target if order.side == "sell" else market.base)
        purse.locked -= order.locked
        purse.free += order.locked
        order.locked = ZERO

    def keep(self, account: Account, order: SpotOrder) -> None:
        account.orders[order.id] = order
        account.open_spot[order.id] = order
        self.resting.setdefault(order.market, {})[order.id] = (account, order)
        if order.client_order_id:
            account.by_client_id[order.client_order_id] = order
        self.world.ledger.record(
            "order_accepted",
            self.world.timers.now_ms,
            account.key,
            order_id=str(order.id),
            client_order_id=order.client_order_id,
            instrument=f"spot:{self.world.spot[order.market].pair}",
            side=order.side,
            quantity=order.quantity,
            price=order.price,
            foreign=order.foreign,
        )

    def end(self, account: Account, order: SpotOrder, status: str) -> None:
        order.status = status
        order.updated_ms = self.world.now_ms
        account.open_spot.pop(order.id, None)
        self.resting[order.market].pop(order.id, None)
        self.world.ledger.record(
            f"order_{status}", self.world.timers.now_ms, account.key, order_id=str(order.id)
        )
        self.tell(account, order)

    def tell(self, account: Account, order: SpotOrder) -> None:
        market = self.world.spot[order.market]
        self.world.emit(
            account, "order-update", lambda: [spot_views.order(self.world, order, event=True)]
        )
        self.world.emit(
            account,
            "balance-update",
            lambda: spot_views.balance_event(account, (market.base, market.target)),
        )

    def trade(
        self, account: Account, order: SpotOrder, price: Decimal, quantity: Decimal, fee: Decimal
    ) -> dict[str, Any]:
        market = self.world.spot[order.market]
        trade = {
            "id": self.world.next_trade_id(),
            "order_id": str(order.id),
            "side": order.side,
            "fee_amount": fee,
            "ecode": market.pair.split("-")[0],
            "quantity": quantity,
            "price": price,
            "symbol": market.name,
            "timestamp": self.world.now_ms,
        }
        account.trades.append(trade)
        self.world.ledger.record(
            "fill",
            self.world.timers.now_ms,
            account.key,
            order_id=str(order.id),
            fill_id=str(trade["id"]),
            instrument=f"spot:{market.pair}",
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
        )
        return trade
