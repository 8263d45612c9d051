"""Play money: put into an account, looked at, thrown away. What trading does to it, the venue
does.
"""

from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import delete, insert, select

from control_plane.brokers.paper.store import (
    paper_balances,
    paper_fills,
    paper_orders,
    paper_positions,
)
from control_plane.core.ids import AccountId
from control_plane.infra.db import Tx


@dataclass(frozen=True)
class Balance:
    wallet: str
    currency: str
    free: Decimal
    locked: Decimal


def balances(tx: Tx, account: AccountId) -> list[Balance]:
    query = (
        select(paper_balances)
        .where(paper_balances.c.account == account)
        .order_by(paper_balances.c.wallet, paper_balances.c.currency)
    )
    rows = [Balance(row.wallet, row.currency, row.free, row.locked) for row in tx.all(query)]
    return [row for row in rows if row.free or row.locked]


def open_books(tx: Tx, account: AccountId, currency: str, amount: Decimal) -> None:
    """The same sum in the spot and the futures wallet: an exchange keeps them apart."""
    tx.run(
        insert(paper_balances),
        [
            {
                "account": account,
                "wallet": wallet,
                "currency": currency,
                "free": amount,
                "locked": 0,
            }
            for wallet in ("spot", "futures")
        ],
    )


def clear_books(tx: Tx, account: AccountId) -> None:
    for books in (paper_balances, paper_orders, paper_fills, paper_positions):
        tx.run(delete(books).where(books.c.account == account))
