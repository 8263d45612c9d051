"""Users sign in; accounts are opened, looked at and given fresh play money."""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

from control_plane.accounts import store
from control_plane.accounts.errors import (
    AccountBusy,
    NameTaken,
    NoPaper,
    NoSuchAccount,
    PasswordMustChange,
    WrongPassword,
)
from control_plane.accounts.models import (
    FIRST_EMAIL,
    Account,
    FirstUser,
    Guesses,
    Place,
    User,
    check_password,
    network_of,
)
from control_plane.brokers.models import Balance
from control_plane.brokers.paper import service as paper
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId, Rng, Tenant, UserId, b32, random_id, shard_of
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx
from control_plane.infra.http import Throttled, Unauthenticated
from control_plane.infra.passwords import Passwords

REMEMBER_SECONDS = 300.0
REMEMBERED = 1_000
SIGNED_IN = "signed in"  # the network of those who are in already


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


def user(tx: Tx, identity: UserId) -> User | None:
    found = store.user_by_id(tx, identity)
    return None if found is None else found[0]


def user_named(tx: Tx, email: str) -> User | None:
    found = store.user_by_email(tx, email)
    return None if found is None else found[0]


def add_user(tx: Tx, user: User, password_hash: str) -> None:
    store.insert_user(tx, user, password_hash)
    audit.record(tx, "user_created", "user", user.id, tenant=user.id, email=user.email)


def verify_user(tx: Tx, identity: UserId) -> bool:
    if not store.set_verified(tx, identity):
        return False
    audit.record(tx, "email_verified", "user", identity, tenant=identity)
    return True


def put_password(tx: Tx, identity: UserId, password_hash: str) -> None:
    store.set_password(tx, identity, password_hash)
    audit.record(tx, "password_changed", "user", identity, tenant=identity)


def put_role(tx: Tx, identity: UserId, role: str, *, by: str) -> bool:
    if not store.set_role(tx, identity, role):
        return False
    audit.record(tx, "role_changed", "user", identity, tenant=identity, role=role, by=by)
    return True


def all_users(tx: Tx, limit: int) -> list[User]:
    return store.listed_users(tx, limit)


def put_state(tx: Tx, identity: AccountId, state: str, reason: str | None) -> None:
    store.set_state(tx, identity, state, reason)


def roles(tx: Tx, ids: Collection[UserId]) -> dict[UserId, str]:
    """Of those that there are."""
    return store.roles(tx, ids)


def admins(tx: Tx) -> frozenset[Tenant]:
    """Whose own code the operator answers for."""
    return store.admins(tx)


@dataclass
class _Proofs:
    """Passwords that were right a moment ago: a page that asks every second costs one hash in
    five minutes. Bound to the stored hash, so that a change of password ends them.
    """

    key: bytes
    until: dict[bytes, float] = field(default_factory=dict)

    def of(self, email: str, password: str, stored: str) -> bytes:
        return hmac.digest(self.key, "\0".join((email, stored, password)).encode(), sha256)

    def stands(self, proof: bytes, now: float) -> bool:
        return self.until.get(proof, 0.0) > now

    def keep(self, proof: bytes, now: float) -> None:
        self.until[proof] = now + REMEMBER_SECONDS
        while len(self.until) > REMEMBERED:
            del self.until[next(iter(self.until))]


@dataclass(frozen=True)
class Users:
    db: Database
    clock: Clock
    rng: Rng
    passwords: Passwords
    guesses: Guesses = field(default_factory=Guesses)
    _proofs: _Proofs = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_proofs", _Proofs(self.rng.bytes(32)))

    async def ensure_first(self) -> FirstUser | None:
        """An installation without users gets an admin; its password is known to the caller alone,
        who shows it once.
        """
        if await self.db.read(store.user_count):
            return None
        password = "-".join(b32(self.rng.bytes(4), 5) for _ in range(4))
        made = await self.db.write(
            _make_first, random_id("us", self.rng), await self.passwords.hash(password)
        )
        return FirstUser(FIRST_EMAIL, password) if made else None

    async def operated(self) -> User:
        """Whom the operator token acts for."""
        found = await self.db.read(store.first_admin)
        if found is None:
            raise Unauthenticated(
                "There is no user yet.", remedy="Start Slipway once; it makes the first one."
            )
        return found

    async def sign_in(self, email: str, password: str, address: str) -> User:
        now, named = self.clock.monotonic(), email.strip().lower()
        network = network_of(address)
        self.refuse_hasty(named, network, now)
        found = await self.db.read(store.user_by_email, email)
        stored = found[1] if found else None
        proof = self._proofs.of(email, password, stored or "")
        if not self._proofs.stands(proof, now):
            if not await self.passwords.is_right(password, stored):
                self.guesses.failed(named, network, now)
                raise Unauthenticated(
                    "The e-mail or the password is wrong.",
                    remedy=(
                        "The first user's one-time password was printed at the first start; "
                        "`slipway password` on that machine sets another."
                    ),
                )
            self._proofs.keep(proof, now)
            await self._keep_strong(found, password)
        self.guesses.succeeded(named, network)
        assert found is not None
        return found[0]

    def refuse_hasty(self, email: str, network: str, now: float) -> None:
        wait = self.guesses.wait_seconds(email, network, now)
        if wait > 0:
            raise Throttled("Too many wrong passwords in a row.", wait)

    async def _keep_strong(self, found: tuple[User, str] | None, password: str) -> None:
        """A hash with yesterday's parameters is made anew, while the password is at hand."""
        if found is None or not self.passwords.is_weak(found[1]):
            return
        await self.db.write(
            store.rehash, found[0].id, found[1], await self.passwords.hash(password)
        )

    async def change_password(
        self,
        identity: UserId,
        current: str | None,
        new: str,
        also: Callable[[Tx], object] = lambda _tx: None,
    ) -> None:
        """`current` None: the operator sets it, or somebody whom a letter proved to be the user.
        `also` is done in the same transaction.
        """
        found = await self.db.read(store.user_by_id, identity)
        assert found is not None
        user, stored = found
        if current is not None:
            await self._confirm(user, current, stored)
        check_password(new, user.email)
        if await self.passwords.is_right(new, stored):
            raise WrongPassword(
                "The new password is the old one.", field="new_password", remedy="Choose another."
            )
        await self.db.write(_change, identity, await self.passwords.hash(new), also)

    async def confirm(self, identity: UserId, password: str) -> None:
        """Whoever is signed in proves it once more."""
        found = await self.db.read(store.user_by_id, identity)
        assert found is not None
        await self._confirm(found[0], password, found[1])

    async def _confirm(self, user: User, password: str, stored: str) -> None:
        now = self.clock.monotonic()
        self.refuse_hasty(user.email, SIGNED_IN, now)
        if not await self.passwords.is_right(password, stored):
            self.guesses.failed(user.email, SIGNED_IN, now)
            raise WrongPassword("The current password is wrong.", field="current_password")
        self.guesses.succeeded(user.email, SIGNED_IN)


def admit(user: User) -> User:
    """A one-time password opens nothing but the change of it."""
    if user.must_change_password:
        raise PasswordMustChange(
            "The one-time password must be changed first.",
            remedy="POST /api/v1/me/password, or run `slipway password`.",
        )
    return user


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


def _make_first(tx: Tx, identity: str, password_hash: str) -> bool:
    if store.user_count(tx):
        return False
    first = User(UserId(identity), FIRST_EMAIL, "admin", must_change_password=True)
    add_user(tx, first, password_hash)
    return True


def _change(tx: Tx, identity: UserId, password_hash: str, also: Callable[[Tx], object]) -> None:
    put_password(tx, identity, password_hash)
    also(tx)


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
