"""What the price does to futures orders: triggers, fills, the stops of a position, liquidation."""

from dataclasses import dataclass
from decimal import Decimal

from tests.coindcx_sim import crossed, futures_views
from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position
from tests.coindcx_sim.futures_book import FuturesBook
from tests.coindcx_sim.futures_rules import PRICED
from tests.coindcx_sim.world import World


@dataclass
class FuturesMatching:
    world: World
    book: FuturesBook

    def moved(self, pair: str) -> None:
        for account, order in list(self.book.resting.get(pair, {}).values()):
            self.match(account, order)
        for account, position in self.book.positions.sunk(pair):
            self.close(account, position, "liquidate")
        for account in self.book.positions.drowned(pair):
            for order in crossed.waiting(account):
                if order.category is None:
                    self.book.cancel(account, order)
            for position in crossed.held(account):
                self.close(account, position, "liquidate")

    def match(self, account: Account, order: FuturesOrder, *, entering: bool = False) -> None:
        line = self.world.tape.line(order.pair)
        if order.status == "untriggered":
            if not _crossed(order, line.last):
                return
            order.status = "open"
            if order.category == "complete_tpsl":
                self._fire(account, order)
                return
        if order.status not in ("open", "partially_filled"):
            return
        price = line.ask if order.side == "buy" else line.bid
        limited = order.kind in PRICED
        away = (price > order.price) if order.side == "buy" else (price < order.price)
        wanted = self._wanted(order)
        short = line.liquidity is not None and line.left.get(order.side, line.liquidity) < wanted
        if not (limited and away) and not (order.time_in_force == "fill_or_kill" and short):
            quantity = line.take(order.side, wanted)
            if quantity > 0:
                self.fill(account, order, price, quantity, is_maker=limited and not entering)
        if order.time_in_force != "good_till_cancel" and order.remaining:
            self.book.cancel(account, order)

    def fill(
        self,
        account: Account,
        order: FuturesOrder,
        price: Decimal,
        quantity: Decimal,
        *,
        is_maker: bool = False,
    ) -> None:
        market = self.world.futures[order.pair]
        positions = self.book.positions
        fee = price * quantity * (market.maker_fee if is_maker else market.taker_fee) / 100
        position = positions.of(account, order.pair, order.book)
        pnl = positions.apply(account, order, price, quantity, fee)
        order.remaining -= quantity
        order.spent += price * quantity
        order.fee += fee
        order.status = "partially_filled" if order.remaining else "filled"
        order.updated_ms = self.world.now_ms
        self._record(account, order, price, quantity, fee, is_maker=is_maker)
        positions.book_transaction(account, position, order.stage, pnl, fee, order.id)
        self._attach(account, order, position)
        if not order.remaining:
            self.book.end(account, order, "filled")
        if not position.quantity:
            self._flat(account, position)
        self.book.tell(account, order, position)

    def close(self, account: Account, position: Position, stage: str) -> FuturesOrder:
        """The whole position at market, by its owner's quick exit or by the venue."""
        side = "sell" if position.quantity > 0 else "buy"
        size = abs(position.quantity)
        order = self.book.made(account, position.pair, position.book, side, "market_order", size)
        line = self.world.tape.line(position.pair)
        order.price = line.last
        order.stage, order.margin_type = stage, position.margin_type
        order.group_id = f"{order.id[:8]}{position.pair}{self.world.now_ms // 1000}"
        self.book.keep(account, order)
        price = (
            line.mark_price if stage == "liquidate" else (line.ask if side == "buy" else line.bid)
        )
        self.fill(account, order, price, size)
        if stage == "liquidate":
            self.world.ledger.record(
                "liquidation",
                self.world.timers.now_ms,
                account.key,
                instrument=f"fut:{position.pair}:{position.book}",
            )
        return order

    def _wanted(self, order: FuturesOrder) -> Decimal:
        if order.fill_share is None:
            return order.remaining
        share = order.quantity * order.fill_share
        step = self.world.futures[order.pair].step
        return max(ZERO, share - share % step - order.filled)

    def _fire(self, account: Account, order: FuturesOrder) -> None:
        position = self.book.positions.of(account, order.pair, order.book)
        if not position.quantity:
            self.book.end(account, order, "cancelled")
            return
        stops = futures_views.stops_of(account, position).values()
        other = next((each for each in stops if each is not None and each is not order), None)
        line = self.world.tape.line(order.pair)
        price = line.ask if order.side == "buy" else line.bid
        size = order.quantity = order.remaining = abs(position.quantity)
        both, position.both_fire = position.both_fire and other is not None, False
        if both and other is not None:
            other.status = "open"  # it has gone off as well: nobody can cancel it now
        self.fill(account, order, price, size)
        if both and other is not None:
            other.quantity = other.remaining = size
            self.fill(account, other, price, size)

    def _flat(self, account: Account, position: Position) -> None:
        for stop in futures_views.stops_of(account, position).values():
            if stop is not None and stop.status == "untriggered":
                self.book.cancel(account, stop)

    def _attach(self, account: Account, order: FuturesOrder, position: Position) -> None:
        """Inline stops replace the position's own as soon as the order fills."""
        for leg, price in (("take_profit", order.take_profit), ("stop_loss", order.stop_loss)):
            if price is None or not position.quantity:
                continue
            present = futures_views.stops_of(account, position)[leg]
            if present is None:
                self.book.add_stop(account, position, leg, price)
            else:
                present.stop_price = price

    def _record(
        self,
        account: Account,
        order: FuturesOrder,
        price: Decimal,
        quantity: Decimal,
        fee: Decimal,
        *,
        is_maker: bool,
    ) -> None:
        fill_id = self.world.uuid("fill")
        account.futures_trades.append(
            {
                "price": price,
                "quantity": quantity,
                "is_maker": is_maker,
                "fee_amount": fee,
                "pair": order.pair,
                "side": order.side,
                "timestamp": self.world.now_ms,
                "order_id": order.id,
                "fill_id": fill_id,
                "settlement_currency_conversion_price": Decimal(1),
                "margin_currency_short_name": order.book,
            }
        )
        self.world.ledger.record(
            "fill",
            self.world.timers.now_ms,
            account.key,
            order_id=order.id,
            fill_id=fill_id,
            instrument=f"fut:{order.pair}:{order.book}",
            side=order.side,
            quantity=quantity,
            price=price,
            fee=fee,
        )


def _crossed(order: FuturesOrder, last: Decimal) -> bool:
    rises = (order.side == "buy") == order.kind.startswith("stop")
    return last >= order.stop_price if rises else last <= order.stop_price
