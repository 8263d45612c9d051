"""Accounts are opened, looked at and given fresh play money."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from control_plane.accounts import store
from control_plane.accounts.errors import AccountBusy, NameTaken, NoPaper, NoSuchAccount
from control_plane.accounts.models import Account, Place
from control_plane.brokers.models import Balance
from control_plane.brokers.paper import service as paper
from control_plane.core.ids import AccountId, Rng, Tenant, random_id, shard_of
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx


def owned_account(tx: Tx, tenant: Tenant, identity: AccountId) -> Account:
    """The account, if it is this tenant's: somebody else's is as missing as none."""
    found = store.account(tx, tenant, identity)
    if found is None:
        raise NoSuchAccount(
            f"There is no account {identity!r}.",
            field="account_id",
            remedy="`slipway accounts list` shows yours.",
        )
    return found


def places(tx: Tx, ids: Collection[AccountId]) -> dict[AccountId, Place]:
    """Whosever they are: for what follows many accounts at once."""
    return store.places(tx, ids)


def put_state(tx: Tx, identity: AccountId, state: str, reason: str | None) -> None:
    store.set_state(tx, identity, state, reason)


@dataclass(frozen=True)
class Accounts:
    db: Database
    rng: Rng
    is_busy: Callable[[Tx, AccountId], bool]  # whether a position is open: orders know

    async def open_paper(
        self, tenant: Tenant, name: str, currency: str, amount: Decimal
    ) -> Account:
        identity = AccountId(random_id("ac", self.rng))
        return await self.db.write(_open_paper, tenant, identity, name, currency, amount)

    async def open_live(
        self, tenant: Tenant, name: str, venue: str, currency: str, reason: str
    ) -> Account:
        """An account at an exchange, suspended for this reason until it can trade."""
        identity = AccountId(random_id("ac", self.rng))
        return await self.db.write(_open, tenant, identity, name, venue, currency, reason)

    async def of(self, tenant: Tenant) -> list[Account]:
        return await self.db.read(store.accounts_of, tenant)

    async def balances(self, tenant: Tenant, identity: AccountId) -> list[Balance]:
        return await self.db.read(_balances, tenant, identity)

    async def reset(
        self, tenant: Tenant, identity: AccountId, currency: str, amount: Decimal
    ) -> Account:
        """Throw the paper account's books away and begin again with this much."""
        return await self.db.write(_reset, tenant, identity, currency, amount, self.is_busy)


def _open_paper(
    tx: Tx, tenant: Tenant, identity: AccountId, name: str, currency: str, amount: Decimal
) -> Account:
    account = _open(tx, tenant, identity, name, "paper", currency, None, amount=amount)
    paper.deposit(tx, identity, currency, amount)
    return account


def _open(
    tx: Tx,
    tenant: Tenant,
    identity: AccountId,
    name: str,
    venue: str,
    currency: str,
    reason: str | None,
    amount: Decimal | None = None,
) -> Account:
    if store.account_named(tx, tenant, name) is not None:
        raise NameTaken(
            f"You have an account {name!r} already.", field="name", remedy="Choose another name."
        )
    account = Account(
        id=identity,
        tenant=tenant,
        shard=shard_of(identity),
        name=name,
        venue=venue,
        state="active" if reason is None else "suspended",
        reason=reason,
        home_currency=currency,
        created_ms=tx.now_ms(),
    )
    store.insert_account(tx, account)
    told: dict[str, Any] = {} if amount is None else {"amount": amount}
    audit.record(
        tx,
        "account_opened",
        "account",
        identity,
        tenant=tenant,
        venue=venue,
        currency=currency,
        **told,
    )
    return account


def _balances(tx: Tx, tenant: Tenant, identity: AccountId) -> list[Balance]:
    account = _paper_account(tx, tenant, identity)
    return paper.balances(tx, account.id)


def _reset(
    tx: Tx,
    tenant: Tenant,
    identity: AccountId,
    currency: str,
    amount: Decimal,
    is_busy: Callable[[Tx, AccountId], bool],
) -> Account:
    account = _paper_account(tx, tenant, identity)
    if is_busy(tx, account.id):
        raise AccountBusy(
            f"{account.name} has an open position.",
            field="account_id",
            remedy="Stop its subscriptions and close the position first.",
        )
    paper.reset(tx, account.id, currency, amount)
    audit.record(
        tx,
        "account_reset",
        "account",
        identity,
        tenant=tenant,
        currency=currency,
        amount=amount,
    )
    return account


def _paper_account(tx: Tx, tenant: Tenant, identity: AccountId) -> Account:
    account = owned_account(tx, tenant, identity)
    if account.venue != "paper":
        raise NoPaper(
            f"{account.name} is an account at {account.venue}, not on paper.",
            field="account_id",
            remedy="Choose a paper account.",
        )
    return account
