"""Users sign in, and change their passwords."""

import hmac
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import sha256

from control_plane.accounts import store
from control_plane.accounts.errors import PasswordMustChange, WrongPassword
from control_plane.accounts.models import (
    FIRST_EMAIL,
    FirstUser,
    Guesses,
    User,
    check_password,
    network_of,
)
from control_plane.accounts.service.people import add_user, put_password
from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, UserId, b32, random_id
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Throttled, Unauthenticated
from control_plane.infra.passwords import Passwords

REMEMBER_SECONDS = 300.0
REMEMBERED = 1_000
SIGNED_IN = "signed in"  # the network of those who are in already


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
                        "Try again, or have a letter sent that sets another: POST"
                        " /api/v1/password-reset. The first user's was printed at the first start;"
                        " `slipway password` on that machine sets another."
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


def _make_first(tx: Tx, identity: str, password_hash: str) -> bool:
    if store.user_count(tx):
        return False
    first = User(UserId(identity), FIRST_EMAIL, "admin", must_change_password=True)
    add_user(tx, first, password_hash)
    return True


def _change(tx: Tx, identity: UserId, password_hash: str, also: Callable[[Tx], object]) -> None:
    put_password(tx, identity, password_hash)
    also(tx)
