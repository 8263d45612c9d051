"""Play money: what the accounts slice calls, in its own transaction."""

from decimal import Decimal

from control_plane.brokers.models import Balance
from control_plane.brokers.paper import store
from control_plane.errors import Conflict, Invalid
from control_plane.infra.db import Tx
from strategy_runtime.rules.money import ZERO

WALLET = "paper"


class PositionOpen(Conflict):
    """Fresh money would make a position's gains nobody's."""


def deposit(tx: Tx, account: str, currency: str, amount: Decimal) -> None:
    """Open the account if it is new, and add this much."""
    if amount <= 0:
        raise Invalid(
            "A deposit must be above 0.", field="amount", remedy="Give a positive amount."
        )
    store.open_account(tx, account)
    found = {row.currency: row for row in store.balances(tx, [account])}
    row = found.get(currency)
    free = amount if row is None else row.free + amount
    store.put_balance(tx, account, currency, free, ZERO if row is None else row.locked)


def reset(tx: Tx, account: str, currency: str, amount: Decimal) -> None:
    """Throw the books away and begin again; refused while an order or a position is open."""
    store.lock(tx, account)
    if store.live_orders(tx, account) or store.positions(tx, [account]):
        raise PositionOpen(
            "The account has open orders or positions.",
            remedy="Close them, then reset the account.",
        )
    store.forget(tx, account)
    deposit(tx, account, currency, amount)


def balances(tx: Tx, account: str) -> list[Balance]:
    return [
        Balance(WALLET, row.currency, row.free, row.locked) for row in store.balances(tx, [account])
    ]
