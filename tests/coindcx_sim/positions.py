"""Futures positions: what a fill does to them, funding, liquidation."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from tests.coindcx_sim import crossed, futures_views
from tests.coindcx_sim.accounts import ZERO, Account, FuturesOrder, Position, Purse
from tests.coindcx_sim.world import World

HOUR_MS = 3_600_000


@dataclass
class Positions:
    world: World
    holders: dict[str, dict[tuple[str, str], tuple[Account, Position]]] = field(
        default_factory=dict
    )

    def of(self, account: Account, pair: str, book: str) -> Position:
        """One row for each pair and book, for the life of the account."""
        key = (pair, book)
        if key not in account.positions:
            account.positions[key] = Position(
                self.world.uuid(f"position {account.key}"), pair, book
            )
        return account.positions[key]

    def apply(
        self, account: Account, order: FuturesOrder, price: Decimal, quantity: Decimal, fee: Decimal
    ) -> Decimal:
        """Realised P&L in USDT; margin moves between order, position and wallet."""
        position = self.of(account, order.pair, order.book)
        signed = quantity if order.side == "buy" else -quantity
        pnl = ZERO
        opening, closing = quantity, ZERO
        if position.quantity and (position.quantity > 0) != (signed > 0):
            closing = min(quantity, abs(position.quantity))
            opening = quantity - closing
            pnl = self._close(account, position, closing, price, fee)
            fee = ZERO
        if opening and position.margin_type == "crossed":
            order.locked = order.locked or price * opening / order.leverage
        if opening:
            self._secure(account, order, price * opening / order.leverage)
            share = opening / (order.remaining - closing)
            self._open(
                account,
                position,
                order,
                price,
                opening if order.side == "buy" else -opening,
                fee,
                order.locked * share,
            )
        position.updated_ms = self.world.now_ms
        self._index(account, position)
        return pnl

    def book_transaction(
        self,
        account: Account,
        position: Position,
        stage: str,
        pnl: Decimal,
        fee: Decimal,
        parent: str,
    ) -> None:
        rate = self.rate(position.book)
        now = self.world.now_ms
        if stage != "funding":
            self.move(account, position.book, (pnl - fee) * rate, "by_futures_order")
        stage = "liquidation" if stage == "liquidate" else stage
        account.transactions.append(
            {
                "pair": position.pair,
                "stage": stage,
                "amount": pnl * rate,
                "fee_amount": fee * rate,
                "price_in_inr": Decimal(1) if position.book == "INR" else self.world.peg,
                "price_in_btc": Decimal("1.85407055628e-07"),
                "price_in_usdt": 1 / rate,
                "source": "system" if stage in ("funding", "liquidation") else "user",
                "parent_type": "Derivatives::Futures::Order",
                "parent_id": parent,
                "settlement_amount": ZERO,
                "margin_currency_short_name": position.book,
                "position_id": position.id,
                "created_at": now,
                "updated_at": now,
            }
        )

    def rate(self, book: str) -> Decimal:
        """Units of the margin currency in one USDT."""
        return self.world.peg if book == "INR" else Decimal(1)

    def purse(self, account: Account, book: str) -> Purse:
        return account.wallets.setdefault(book, Purse())

    def fund(self, pair: str) -> None:
        """Longs pay shorts where the rate is positive; out of the position's margin."""
        line = self.world.tape.line(pair)
        for account, position in list(self.holders.get(pair, {}).values()):
            paid = -position.quantity * line.mark_price * line.funding_rate
            purse, rate = self.purse(account, position.book), self.rate(position.book)
            if position.margin_type == "crossed":
                purse.free += paid
            else:
                position.locked_margin += paid
                purse.locked += paid * rate
            self.move(account, position.book, paid * rate, "by_futures_funding")
            self.book_transaction(
                account, position, "funding", paid, ZERO, self.world.uuid("funding")
            )
            self.world.ledger.record(
                "funding",
                self.world.timers.now_ms,
                account.key,
                instrument=f"fut:{pair}:{position.book}",
                amount=paid,
            )

    def start_funding(self, now_ms: int) -> None:
        for market in self.world.futures.values():
            self._schedule(market.pair, market.funding_hours * HOUR_MS, now_ms)

    def sunk(self, pair: str) -> list[tuple[Account, Position]]:
        """Whose isolated margin the mark has eaten."""
        found = []
        for account, position in self.holders.get(pair, {}).values():
            if position.margin_type == "crossed":
                continue
            if self.is_sunk(position):
                found.append((account, position))
        return found

    def is_sunk(self, position: Position) -> bool:
        mark = self.world.tape.line(position.pair).mark_price
        limit = futures_views.liquidation_price(self.world, position)
        return mark <= limit if position.quantity > 0 else mark >= limit > 0

    def drowned(self, pair: str) -> list[Account]:
        """Whose wallet carries its crossed positions no more."""
        held = [
            account
            for account, position in self.holders.get(pair, {}).values()
            if position.margin_type == "crossed"
        ]
        return [account for account in held if crossed.is_sunk(self.world, account)]

    def move(self, account: Account, book: str, amount: Decimal, reason: str) -> None:
        """A line of the wallet's own account book."""
        if not amount:
            return
        account.wallet_moves.append(
            {
                "derivatives_futures_wallet_id": futures_views.wallet_id(account, book),
                "transaction_type": "credit" if amount > 0 else "debit",
                "amount": abs(amount),
                "currency_short_name": book,
                "currency_full_name": {"USDT": "Tether", "INR": "Indian Rupee"}[book],
                "reason": reason,
                "created_at": self.world.now_ms,
            }
        )

    def _schedule(self, pair: str, every_ms: int, now_ms: int) -> None:
        due = (now_ms // every_ms + 1) * every_ms

        def pay(at_ms: int) -> None:
            self.fund(pair)
            self._schedule(pair, every_ms, at_ms)

        self.world.timers.at(due, pay)

    def _secure(self, account: Account, order: FuturesOrder, needed: Decimal) -> None:
        """An order that was to reduce, and opens after all, takes its margin from what is free."""
        if order.locked:
            return
        purse, rate = self.purse(account, order.book), self.rate(order.book)
        purse.free -= needed * rate
        purse.locked += needed * rate
        order.locked = needed

    def _open(
        self,
        account: Account,
        position: Position,
        order: FuturesOrder,
        price: Decimal,
        signed: Decimal,
        fee: Decimal,
        margin: Decimal,
    ) -> None:
        size = abs(position.quantity)
        position.average = (position.average * size + price * abs(signed)) / (size + abs(signed))
        position.quantity += signed
        order.locked -= margin
        position.user_margin += margin
        purse, rate = self.purse(account, position.book), self.rate(position.book)
        if position.margin_type == "crossed":
            purse.free -= fee
        else:
            position.locked_margin += margin - fee
            purse.locked -= fee * rate
        position.leverage = order.leverage
        position.settlement_average = order.peg
        account.leverages[order.pair, order.book] = order.leverage

    def _close(
        self, account: Account, position: Position, closing: Decimal, price: Decimal, fee: Decimal
    ) -> Decimal:
        size = abs(position.quantity)
        sign = 1 if position.quantity > 0 else -1
        pnl = closing * (price - position.average) * sign
        released = position.locked_margin * closing / size
        position.user_margin -= position.user_margin * closing / size
        position.locked_margin -= released
        position.quantity -= closing * sign
        purse, rate = self.purse(account, position.book), self.rate(position.book)
        if position.margin_type == "crossed":
            purse.free = max(ZERO, purse.free + pnl - fee)
        else:
            purse.locked -= released * rate
            purse.free += max(ZERO, (released + pnl - fee) * rate)
        if not position.quantity:
            position.average = position.locked_margin = position.user_margin = ZERO
        return pnl

    def _index(self, account: Account, position: Position) -> None:
        held = self.holders.setdefault(position.pair, {})
        if position.quantity:
            held[account.key, position.book] = (account, position)
        else:
            held.pop((account.key, position.book), None)

    def rows(self, account: Account) -> list[dict[str, Any]]:
        return [
            futures_views.position(self.world, account, each) for each in account.positions.values()
        ]
