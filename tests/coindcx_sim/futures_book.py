"""Futures orders as such: made, kept, ended, and the margin that they lock."""

from dataclasses import dataclass, field
from decimal import Decimal

from tests.coindcx_sim import crossed, futures_views
from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position
from tests.coindcx_sim.answers import Refusal
from tests.coindcx_sim.positions import Positions
from tests.coindcx_sim.world import World

LIVE = ("open", "partially_filled", "untriggered")


@dataclass
class FuturesBook:
    world: World
    positions: Positions
    resting: dict[str, dict[str, tuple[Account, FuturesOrder]]] = field(default_factory=dict)

    def made(
        self, account: Account, pair: str, book: str, side: str, kind: str, quantity: Decimal
    ) -> FuturesOrder:
        now = self.world.now_ms
        return FuturesOrder(
            id=self.world.uuid(f"futures {account.key}"),
            pair=pair,
            book=book,
            side=side,
            kind=kind,
            quantity=quantity,
            price=ZERO,
            stop_price=ZERO,
            leverage=account.leverages.get((pair, book), Decimal(1)),
            created_ms=now,
            updated_ms=now,
            remaining=quantity,
            peg=self.world.peg,
        )

    def keep(self, account: Account, order: FuturesOrder) -> None:
        account.futures[order.id] = order
        account.open_futures[order.id] = order
        self.resting.setdefault(order.pair, {})[order.id] = (account, order)
        self.world.ledger.record(
            "order_accepted",
            self.world.timers.now_ms,
            account.key,
            order_id=order.id,
            client_order_id="",
            instrument=f"fut:{order.pair}:{order.book}",
            side=order.side,
            quantity=order.quantity,
            price=order.price,
            foreign=order.foreign,
        )

    def cancel(self, account: Account, order: FuturesOrder) -> None:
        if order.status not in LIVE:
            raise Refusal(422, "This order cannot be cancelled")
        order.cancelled, order.remaining = order.remaining, ZERO
        self.end(account, order, "partially_cancelled" if order.filled else "cancelled")

    def end(self, account: Account, order: FuturesOrder, status: str) -> None:
        self.release(account, order)
        order.status = status
        order.updated_ms = self.world.now_ms
        account.open_futures.pop(order.id, None)
        self.resting.get(order.pair, {}).pop(order.id, None)
        self.world.ledger.record(
            f"order_{status}", self.world.timers.now_ms, account.key, order_id=order.id
        )
        self.tell(account, order, None)

    def tell(self, account: Account, order: FuturesOrder, position: Position | None) -> None:
        self.world.emit(
            account,
            "df-order-update",
            lambda: [{**futures_views.order(self.world, order), "trades": []}],
        )
        if position is not None:
            self.world.emit(
                account,
                "df-position-update",
                lambda: [futures_views.position(self.world, account, position)],
            )

    def lock(self, account: Account, order: FuturesOrder, position: Position | None) -> None:
        """Only what would open is paid for."""
        share = Decimal(1)
        if position is not None and position.quantity:
            against = (position.quantity > 0) != (order.side == "buy")
            if against:
                share = (order.quantity - abs(position.quantity)) / order.quantity
        needed = order.ideal_margin * share
        if order.margin_type == "crossed":
            if crossed.available(self.world, account) < needed:
                raise Refusal(400, "Insufficient funds")
            order.locked = needed  # of the wallet's equity: nothing moves
            return
        purse, rate = self.positions.purse(account, order.book), self.positions.rate(order.book)
        if crossed.spare(self.world, account, order.book) < needed * rate:
            raise Refusal(400, "Insufficient funds")
        purse.free -= needed * rate
        purse.locked += needed * rate
        order.locked = needed

    def release(self, account: Account, order: FuturesOrder) -> None:
        if order.locked and order.margin_type == "isolated":
            purse, rate = self.positions.purse(account, order.book), self.positions.rate(order.book)
            purse.locked -= order.locked * rate
            purse.free += order.locked * rate
        order.locked = ZERO

    def add_stop(
        self, account: Account, position: Position, leg: str, price: Decimal
    ) -> FuturesOrder:
        """One for the whole of a position, whatever its size will be when it fires."""
        kind = "stop_market" if leg == "stop_loss" else "take_profit_market"
        side = "sell" if position.quantity > 0 else "buy"
        stop = self.made(account, position.pair, position.book, side, kind, ZERO)
        stop.stop_price = price
        stop.status = "untriggered"
        stop.category, stop.stage = "complete_tpsl", "tpsl_exit"
        stop.margin_type = position.margin_type
        self.keep(account, stop)
        return stop
