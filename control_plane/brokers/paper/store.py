"""The paper exchange's own books: what CoinDCX would keep on its side.

An account has one wallet for spot and futures. Its row is locked by whoever changes its books, and
numbers its fills, so that a cursor misses none.
"""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Double,
    Index,
    Select,
    and_,
    bindparam,
    cast,
    delete,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import Row
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, Tx, among, table

LIVE = ("untriggered", "open", "partial")
IS_LIVE = text("state IN ('untriggered','open','partial')")
IN_AT_ONCE = 500  # bound parameters in one statement

# A float comparison only narrows what Python then compares exactly.
_SLACK = 1e-9


class PaperAccountRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_account"

    account: str = Field(primary_key=True)
    fills: int = Field(default=0, sa_type=BigInteger)  # numbers drawn so far
    opened_ms: int = Field(sa_type=BigInteger)


class PaperBalanceRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_balance"

    account: str = Field(primary_key=True)
    currency: str = Field(primary_key=True)
    free: Decimal = Field(default=Decimal(0), sa_type=Money)
    locked: Decimal = Field(default=Decimal(0), sa_type=Money)


class PaperOrderRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_order"
    __table_args__ = (
        Index("uq_paper_order_client", "account", "client_order_id", unique=True),
        Index("ix_paper_order_live", "instrument", sqlite_where=IS_LIVE, postgresql_where=IS_LIVE),
    )

    id: str = Field(primary_key=True)
    account: str = Field(index=True)
    client_order_id: str
    instrument: str
    margin_currency: str = ""
    side: str  # buy | sell
    kind: str  # limit | market | stop_market | stop_limit | take_profit
    stage: str = "default"  # default | exit | stop | target | liquidation
    price: Decimal | None = Field(default=None, sa_type=Money)
    trigger_price: Decimal | None = Field(default=None, sa_type=Money)
    quantity: Decimal = Field(sa_type=Money)
    filled: Decimal = Field(default=Decimal(0), sa_type=Money)
    fills: int = 0
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    conversion: Decimal = Field(default=Decimal(1), sa_type=Money)  # quote → margin currency
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    lock_currency: str = ""
    locked: Decimal = Field(default=Decimal(0), sa_type=Money)  # what is still bound for it
    resting: bool = False  # it was on the book before the tick: a maker
    tick_ms: int = Field(default=-1, sa_type=BigInteger)  # the last tick it was matched against
    state: str = "open"  # untriggered | open | partial | filled | cancelled | rejected
    reason: str | None = None
    created_ms: int = Field(sa_type=BigInteger)
    updated_ms: int = Field(sa_type=BigInteger)


class PaperFillRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "paper_fill"

    account: str = Field(primary_key=True)
    number: int = Field(primary_key=True, sa_type=BigInteger)
    id: str = Field(unique=True)  # of order and its count, so that a repeat is refused
    order_id: str = Field(index=True)
    client_order_id: str
    instrument: str
    margin_currency: str = ""
    side: str
    stage: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal = Field(sa_type=Money)
    fee: Decimal = Field(sa_type=Money)
    fee_currency: str
    at_ms: int = Field(sa_type=BigInteger)


class PaperPositionRow(SQLModel, table=True):
    """A futures position; spot positions are balances."""

    __tablename__: ClassVar[str] = "paper_position"
    __table_args__ = (Index("ix_paper_position_instrument", "instrument"),)

    account: str = Field(primary_key=True)
    instrument: str = Field(primary_key=True)
    margin_currency: str = Field(primary_key=True)
    quantity: Decimal = Field(default=Decimal(0), sa_type=Money)  # signed: short is negative
    entry_price: Decimal = Field(default=Decimal(0), sa_type=Money)
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    margin: Decimal = Field(default=Decimal(0), sa_type=Money)
    conversion: Decimal = Field(default=Decimal(1), sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    liquidation_price: Decimal | None = Field(default=None, sa_type=Money)
    generation: int = 0  # +1 each time it opens from flat
    updated_ms: int = Field(default=0, sa_type=BigInteger)


paper_accounts = table(PaperAccountRow)
paper_balances = table(PaperBalanceRow)
paper_orders = table(PaperOrderRow)
paper_fills = table(PaperFillRow)
paper_positions = table(PaperPositionRow)


def open_account(tx: Tx, account: str) -> None:
    if lock(tx, account) is None:
        row = {"account": account, "fills": 0, "opened_ms": tx.now_ms()}
        tx.run(insert(paper_accounts), row)


def lock(tx: Tx, account: str) -> int | None:
    """Keep others out of this account's books until the commit; how many fills it has had."""
    query = select(paper_accounts.c.fills).where(paper_accounts.c.account == account)
    row = tx.first(query.with_for_update())
    return None if row is None else int(row.fills)


def count_fills(tx: Tx, account: str, fills: int) -> None:
    tx.run(update(paper_accounts).where(paper_accounts.c.account == account).values(fills=fills))


def balances(tx: Tx, accounts: Sequence[str]) -> Sequence[Row[Any]]:
    query = select(paper_balances).where(among(tx, paper_balances.c.account, accounts))
    return tx.all(query.order_by(paper_balances.c.account, paper_balances.c.currency))


def put_balance(tx: Tx, account: str, currency: str, free: Decimal, locked: Decimal) -> None:
    changed = tx.run(
        update(paper_balances)
        .where(paper_balances.c.account == account, paper_balances.c.currency == currency)
        .values(free=free, locked=locked)
    )
    if not changed:
        row = {"account": account, "currency": currency, "free": free, "locked": locked}
        tx.run(insert(paper_balances), row)


def forget(tx: Tx, account: str) -> None:
    """Throw the books away; numbers of fills go on, for cursors are kept elsewhere."""
    for books in (paper_balances, paper_orders, paper_fills, paper_positions):
        tx.run(delete(books).where(books.c.account == account))


def order_by_client_id(tx: Tx, account: str, client_order_id: str) -> Row[Any] | None:
    return tx.first(
        select(paper_orders).where(
            paper_orders.c.account == account, paper_orders.c.client_order_id == client_order_id
        )
    )


def live_orders(tx: Tx, account: str, instrument: str | None = None) -> Sequence[Row[Any]]:
    query = select(paper_orders).where(
        paper_orders.c.account == account, paper_orders.c.state.in_(LIVE)
    )
    if instrument is not None:
        query = query.where(paper_orders.c.instrument == instrument)
    return tx.all(query.order_by(paper_orders.c.created_ms, paper_orders.c.id))


def add_order(tx: Tx, row: dict[str, Any]) -> None:
    tx.run(insert(paper_orders), row)


def change_order(tx: Tx, identity: str, **values: Any) -> None:
    tx.run(
        update(paper_orders)
        .where(paper_orders.c.id == identity)
        .values(**values, updated_ms=tx.now_ms())
    )


def add_fill(tx: Tx, row: dict[str, Any]) -> None:
    tx.run(insert(paper_fills), row)


def fills_after(tx: Tx, cursors: Sequence[tuple[str, int]]) -> list[Row[Any]]:
    found: list[Row[Any]] = []
    for some in _slices(cursors):
        each = [and_(paper_fills.c.account == a, paper_fills.c.number > n) for a, n in some]
        query = select(paper_fills).where(or_(*each))
        found += tx.all(query.order_by(paper_fills.c.account, paper_fills.c.number))
    return found


def position(tx: Tx, account: str, instrument: str, margin_currency: str) -> Row[Any] | None:
    return tx.first(
        select(paper_positions).where(
            paper_positions.c.account == account,
            paper_positions.c.instrument == instrument,
            paper_positions.c.margin_currency == margin_currency,
        )
    )


def positions_on(tx: Tx, account: str, instrument: str) -> Sequence[Row[Any]]:
    return tx.all(
        select(paper_positions).where(
            paper_positions.c.account == account, paper_positions.c.instrument == instrument
        )
    )


def positions(tx: Tx, accounts: Sequence[str]) -> Sequence[Row[Any]]:
    query = select(paper_positions).where(
        among(tx, paper_positions.c.account, accounts), _float(paper_positions.c.quantity) != 0
    )
    return tx.all(query.order_by(paper_positions.c.account, paper_positions.c.instrument))


def put_position(tx: Tx, key: tuple[str, str, str], values: dict[str, Any]) -> None:
    account, instrument, margin_currency = key
    values = {**values, "updated_ms": tx.now_ms()}
    changed = tx.run(
        update(paper_positions)
        .where(
            paper_positions.c.account == account,
            paper_positions.c.instrument == instrument,
            paper_positions.c.margin_currency == margin_currency,
        )
        .values(**values)
    )
    if not changed:
        names = {
            "account": account,
            "instrument": instrument,
            "margin_currency": margin_currency,
        }
        tx.run(insert(paper_positions), {**names, **values})


def touched_accounts(tx: Tx, instrument: str, price: Decimal, tick_ms: int) -> list[str]:
    """Accounts in which this tick can matter: it reaches an order, a trigger, a liquidation."""
    at = float(price)
    bound = {"at_instrument": instrument, "tick": tick_ms}
    edges = {"low": at * (1 - _SLACK), "high": at * (1 + _SLACK)}
    rows = [*tx.all(_TOUCHED_ORDERS, bound | edges), *tx.all(_TOUCHED_POSITIONS, bound | edges)]
    return sorted({row.account for row in rows})


def _float(column: Any) -> Any:
    return cast(column, Double)


def _touched_orders() -> Select[Any]:
    o = paper_orders.c
    low: Any = bindparam("low")
    high: Any = bindparam("high")
    price, trigger = _float(o.price), _float(o.trigger_price)
    falls_to = and_(o.side == "sell", trigger >= low)
    rises_to = and_(o.side == "buy", trigger <= high)
    sells_above = and_(o.side == "sell", trigger <= high)
    buys_below = and_(o.side == "buy", trigger >= low)
    reached = or_(
        and_(o.state == "untriggered", o.kind != "take_profit", or_(falls_to, rises_to)),
        and_(o.state == "untriggered", o.kind == "take_profit", or_(sells_above, buys_below)),
        and_(
            o.state != "untriggered",
            or_(
                o.kind.in_(("market", "stop_market", "take_profit")),
                and_(o.side == "buy", price >= low),
                and_(o.side == "sell", price <= high),
            ),
        ),
    )
    return select(o.account).where(
        o.instrument == bindparam("at_instrument"),
        IS_LIVE,
        o.tick_ms < bindparam("tick"),
        reached,
    )


def _touched_positions() -> Select[Any]:
    p = paper_positions.c
    low: Any = bindparam("low")
    high: Any = bindparam("high")
    quantity, target = _float(p.quantity), _float(p.take_profit)
    stop, end = _float(p.stop_loss), _float(p.liquidation_price)
    long_hit = and_(quantity > 0, or_(stop >= low, end >= low, target <= high))
    short_hit = and_(quantity < 0, or_(stop <= high, end <= high, target >= low))
    return select(p.account).where(
        p.instrument == bindparam("at_instrument"), or_(long_hit, short_hit)
    )


# Asked at every tick, so put together once.
_TOUCHED_ORDERS = _touched_orders()
_TOUCHED_POSITIONS = _touched_positions()


def _slices(values: Sequence[Any]) -> Iterable[Sequence[Any]]:
    return (values[start : start + IN_AT_ONCE] for start in range(0, len(values), IN_AT_ONCE))
