"""Users sign in; accounts are opened, looked at and given fresh play money."""

import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256

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
    Place,
    Throttle,
    User,
    check_password,
)
from control_plane.brokers.models import Balance
from control_plane.brokers.paper import service as paper
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId, Rng, Tenant, UserId, b32, random_id, shard_of
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.infra.http import Throttled, Unauthenticated
from control_plane.infra.passwords import Passwords

REMEMBER_SECONDS = 300.0
REMEMBERED = 1_000


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
    throttle: Throttle = field(default_factory=Throttle)
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
        now = self.clock.monotonic()
        who = f"{address} {email.strip().lower()}"
        wait = self.throttle.wait_seconds(who, now)
        if wait > 0:
            raise Throttled(
                "Too many wrong passwords in a row.", remedy=f"Try again in {wait:.0f} s."
            )

        found = await self.db.read(store.user_by_email, email)
        stored = found[1] if found else None
        proof = self._proofs.of(email, password, stored or "")
        if not self._proofs.stands(proof, now):
            if not await self.passwords.is_right(password, stored):
                self.throttle.failed(who, now)
                raise Unauthenticated(
                    "The e-mail or the password is wrong.",
                    remedy=(
                        "The first user's one-time password was printed at the first start; "
                        "`slipway password` on that machine sets another."
                    ),
                )
            self._proofs.keep(proof, now)
        self.throttle.succeeded(who)
        assert found is not None
        return found[0]

    async def change_password(self, identity: UserId, current: str | None, new: str) -> None:
        """`current` None: an operator sets it, who need not know the old one."""
        found = await self.db.read(store.user_by_id, identity)
        assert found is not None
        user, stored = found
        if current is not None and not await self.passwords.is_right(current, stored):
            raise WrongPassword("The current password is wrong.", field="current_password")
        check_password(new, user.email)
        if await self.passwords.is_right(new, stored):
            raise WrongPassword(
                "The new password is the old one.", field="new_password", remedy="Choose another."
            )
        await self.db.write(_change, identity, await self.passwords.hash(new))


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
    user = User(UserId(identity), FIRST_EMAIL, "admin", must_change_password=True)
    store.insert_user(tx, user, password_hash)
    events.record(tx, "user_created", "user", identity, tenant=identity, email=FIRST_EMAIL)
    return True


def _change(tx: Tx, identity: UserId, password_hash: str) -> None:
    store.set_password(tx, identity, password_hash)
    events.record(tx, "password_changed", "user", identity, tenant=identity)


def _open_paper(
    tx: Tx, tenant: Tenant, identity: AccountId, name: str, currency: str, amount: Decimal
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
        venue="paper",
        state="active",
        reason=None,
        home_currency=currency,
        created_ms=tx.now_ms(),
    )
    store.insert_account(tx, account)
    paper.deposit(tx, identity, currency, amount)
    events.record(
        tx,
        "account_opened",
        "account",
        identity,
        tenant=tenant,
        venue="paper",
        currency=currency,
        amount=amount,
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
    events.record(
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
