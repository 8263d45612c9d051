"""The paper exchange behind the port: its books in our tables, driven by ticks.

Each change is one transaction that locks the account's books. What a transaction did is found again
after any crash: fills are rows, named by order and count.
"""

from base64 import b32encode
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from decimal import Decimal
from hashlib import sha256
from typing import Any

from control_plane.brokers.errors import OrderRefused, OutcomeUnknown
from control_plane.brokers.models import (
    Accepted,
    Balance,
    OrderRequest,
    Position,
    Profile,
    VenueFill,
    VenueOrder,
)
from control_plane.brokers.paper import parse, store
from control_plane.brokers.paper.book import Book
from control_plane.brokers.paper.models import Cash, Held, PaperFill, PaperOrder, Terms
from control_plane.brokers.paper.service import WALLET
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import AccountId, ClientOrderId
from control_plane.infra.db import Database, DatabaseUnavailable, Tx
from control_plane.settings import PaperSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.legality import Draft, check
from strategy_runtime.wire.messages import Tick

WINDOW_SECONDS = 10.0
ACCOUNTS_AT_ONCE = 200
# What CoinDCX does too: a futures book in rupees is converted at the venue's own rate.
RATE_INSTRUMENT = "spot:I-{quote}_{margin}"

ORDER_FIELDS = tuple(f.name for f in fields(PaperOrder))
HELD_FIELDS = tuple(f.name for f in fields(Held))


@dataclass
class PaperBroker:
    db: Database
    clock: Clock
    settings: PaperSettings
    scale: float = 1.0
    on_fill: Callable[[Collection[str]], None] = lambda _: None  # accounts, after the commit
    last: dict[str, Tick] = field(default_factory=dict)

    @property
    def profile(self) -> Profile:
        return Profile(
            venue="paper",
            window_seconds=WINDOW_SECONDS * self.scale,
            timestamp_enforced=True,
            client_ids=frozenset({"spot", "fut"}),
            free_is_live=True,
        )

    async def place(self, order: OrderRequest) -> Accepted:
        with _unknown():
            placed = await self.db.write(self._place, order)
        return Accepted(placed.id, placed.state)

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        with _unknown():
            await self.db.write(self._cancel, order)

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        row = await self.db.read(store.order_by_client_id, order.account, order.client_order_id)
        return None if row is None else parse.venue_order(row)

    async def open_orders(self, account: AccountId, instrument: Instrument) -> Sequence[VenueOrder]:
        rows = await self.db.read(store.live_orders, account, instrument.id)
        return [parse.venue_order(row) for row in rows]

    async def fills_since(self, cursors: Mapping[AccountId, str]) -> Sequence[VenueFill]:
        asked = [(account, int(cursor or 0)) for account, cursor in sorted(cursors.items())]
        return [parse.venue_fill(row) for row in await self.db.read(store.fills_after, asked)]

    async def balances(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, Sequence[Balance]]:
        found: dict[AccountId, list[Balance]] = {account: [] for account in accounts}
        for row in await self.db.read(store.balances, list(accounts)):
            found[row.account].append(Balance(WALLET, row.currency, row.free, row.locked))
        return found

    async def positions(self, accounts: Sequence[AccountId]) -> Sequence[Position]:
        return [parse.position(row) for row in await self.db.read(store.positions, list(accounts))]

    async def protect(
        self,
        account: AccountId,
        instrument: Instrument,
        margin_currency: str,
        stop_loss: Decimal,
        take_profit: Decimal | None,
    ) -> None:
        with _unknown():
            await self.db.write(
                _protect, account, instrument, margin_currency, stop_loss, take_profit
            )

    async def on_tick(self, instrument: Instrument, tick: Tick) -> int:
        """Let the market move; how many fills came of it. A tick given twice does nothing twice."""
        self.last[instrument.id] = tick
        touched = await self.db.read(store.touched_accounts, instrument.id, tick.price, tick.at_ms)
        count = 0
        for start in range(0, len(touched), ACCOUNTS_AT_ONCE):
            some = touched[start : start + ACCOUNTS_AT_ONCE]
            count += await self.db.write(self._tick, some, instrument, tick)
        return count

    def _place(self, tx: Tx, order: OrderRequest) -> PaperOrder:
        self._check_fresh(order)
        if store.lock(tx, order.account) is None:
            raise OrderRefused("forbidden", f"There is no paper account {order.account!r}.")
        if store.order_by_client_id(tx, order.account, order.client_order_id) is not None:
            raise OrderRefused("duplicate_client_id", "The client order id was used before.")

        book = _load(tx, order.account, order.instrument, self._terms())
        before = dict(book.orders)
        last = self.last.get(order.instrument.id)
        paper = self._order(order)
        if order.closes:
            placed = book.close_position(paper, last)
        else:
            self._check_legal(order, last)
            placed = book.place(paper, last)
        self._save(tx, book, before)
        return placed

    def _cancel(self, tx: Tx, order: OrderRequest) -> None:
        store.lock(tx, order.account)
        row = store.order_by_client_id(tx, order.account, order.client_order_id)
        if row is None:
            raise OrderRefused("unknown_order", "There is no such order.")
        if row.state not in store.LIVE:
            raise OrderRefused("already_done", f"The order is {row.state} already.")
        book = _load(tx, order.account, order.instrument, self._terms())
        before = dict(book.orders)
        book.cancel(row.id)
        self._save(tx, book, before)

    def _tick(self, tx: Tx, accounts: Sequence[str], instrument: Instrument, tick: Tick) -> int:
        count = 0
        for account in accounts:
            store.lock(tx, account)
            book = _load(tx, account, instrument, self._terms())
            before = dict(book.orders)
            book.on_tick(tick)
            self._save(tx, book, before)
            count += len(book.fills)
        return count

    def _save(self, tx: Tx, book: Book, before: Mapping[str, PaperOrder]) -> None:
        _save(tx, book, before)
        if book.fills:
            filled = frozenset({book.account})
            tx.after_commit(lambda: self.on_fill(filled))

    def _terms(self) -> Terms:
        return Terms(
            Decimal(repr(self.settings.slippage)), Decimal(repr(self.settings.participation))
        )

    def _check_fresh(self, order: OrderRequest) -> None:
        """The signed timestamp fences out a process that was away: the venue itself refuses it."""
        late = ms(self.clock.now()) - order.signed_ms
        if late > WINDOW_SECONDS * self.scale * 1000:
            raise OrderRefused("stale_timestamp", f"The request was signed {late} ms ago.")

    def _check_legal(self, order: OrderRequest, last: Tick | None) -> None:
        reference = last.price if last is not None else None
        illegal = check(
            Draft(
                kind=order.kind,
                side=order.side,
                quantity=order.quantity,
                price=order.price,
                trigger_price=order.trigger_price,
                leverage=order.leverage,
                reference=reference,
            ),
            order.instrument,
        )
        if illegal is not None:
            raise OrderRefused(illegal.reason, illegal.what)

    def _order(self, order: OrderRequest) -> PaperOrder:
        return PaperOrder(
            id=_exchange_id(order.account, order.client_order_id),
            client_order_id=order.client_order_id,
            side=order.side,
            kind=order.kind,
            quantity=order.quantity,
            price=order.price,
            trigger_price=order.trigger_price,
            margin_currency=order.margin_currency,
            conversion=self._conversion(order),
            leverage=order.leverage,
            stop_loss=order.stop_loss,
            take_profit=order.take_profit,
            created_ms=ms(self.clock.now()),
        )

    def _conversion(self, order: OrderRequest) -> Decimal:
        quote, margin = order.instrument.quote, order.margin_currency
        if not margin or margin == quote:
            return Decimal(1)
        last = self.last.get(RATE_INSTRUMENT.format(quote=quote, margin=margin))
        if last is None:
            raise OrderRefused("other", f"There is no rate of {quote} in {margin} yet.")
        return last.price


@contextmanager
def _unknown() -> Iterator[None]:
    """Books that broke off in the middle may have been written: like a reply that was lost."""
    try:
        yield
    except DatabaseUnavailable as error:
        raise OutcomeUnknown(error.what) from error


def _load(tx: Tx, account: str, instrument: Instrument, terms: Terms) -> Book:
    cash = {row.currency: Cash(row.free, row.locked) for row in store.balances(tx, [account])}
    orders = {
        row.id: PaperOrder(**{name: getattr(row, name) for name in ORDER_FIELDS})
        for row in store.live_orders(tx, account, instrument.id)
    }
    held: dict[str, Held] = {}
    if instrument.is_futures:
        for row in store.positions_on(tx, account, instrument.id):
            held[row.margin_currency] = Held(**{name: getattr(row, name) for name in HELD_FIELDS})
    return Book(account, instrument, terms, cash, orders, held)


def _save(tx: Tx, book: Book, before: Mapping[str, PaperOrder]) -> None:
    """Write what changed; the account's row is locked, so nobody else wrote in between."""
    held_cash = {row.currency: row for row in store.balances(tx, [book.account])}
    for currency in sorted(book.cash):
        cash, row = book.cash[currency], held_cash.get(currency)
        if row is None or (row.free, row.locked) != (cash.free, cash.locked):
            store.put_balance(tx, book.account, currency, cash.free, cash.locked)

    for identity, order in book.orders.items():
        values = {name: getattr(order, name) for name in ORDER_FIELDS}
        if identity not in before:
            names = {"account": book.account, "instrument": book.instrument.id}
            store.add_order(tx, {**names, **values, "updated_ms": tx.now_ms()})
        elif order != before[identity]:
            values.pop("id")
            store.change_order(tx, identity, **values)

    for held in book.held.values():
        key = (book.account, book.instrument.id, held.margin_currency)
        values = {name: getattr(held, name) for name in HELD_FIELDS}
        values.pop("margin_currency")
        store.put_position(tx, key, values)
    _save_fills(tx, book)


def _save_fills(tx: Tx, book: Book) -> None:
    if not book.fills:
        return
    number = store.lock(tx, book.account) or 0
    for fill in book.fills:
        number += 1
        store.add_fill(tx, _fill_row(book, fill, number))
    store.count_fills(tx, book.account, number)


def _fill_row(book: Book, fill: PaperFill, number: int) -> dict[str, Any]:
    return {
        "account": book.account,
        "number": number,
        "id": fill.id,
        "order_id": fill.order.id,
        "client_order_id": fill.order.client_order_id,
        "instrument": book.instrument.id,
        "margin_currency": fill.order.margin_currency,
        "side": fill.order.side,
        "stage": fill.order.stage,
        "quantity": fill.quantity,
        "price": fill.price,
        "fee": fill.fee,
        "fee_currency": fill.fee_currency,
        "at_ms": fill.at_ms,
    }


def _protect(
    tx: Tx,
    account: str,
    instrument: Instrument,
    margin_currency: str,
    stop_loss: Decimal,
    take_profit: Decimal | None,
) -> None:
    store.lock(tx, account)
    row = store.position(tx, account, instrument.id, margin_currency)
    if row is None or row.quantity == 0:
        raise OrderRefused("no_position", "There is no open position to protect.")
    values = {"stop_loss": stop_loss, "take_profit": take_profit}
    store.put_position(tx, (account, instrument.id, margin_currency), values)


def _exchange_id(account: str, client_order_id: ClientOrderId) -> str:
    digest = sha256(f"{account}\0{client_order_id}".encode()).digest()
    return "p" + b32encode(digest).decode().lower()[:24]
