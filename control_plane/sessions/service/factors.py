"""A second factor for whoever wants one: an app's six digits, each good once."""

from collections.abc import Callable
from dataclasses import dataclass, field

from control_plane.accounts.models import Throttle, User
from control_plane.accounts.service import user as find_user
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, UserId
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Throttled, Unauthenticated
from control_plane.infra.rootkey import Box
from control_plane.sessions.errors import FactorStands, WrongCode
from control_plane.sessions.models import totp
from control_plane.sessions.store import proofs as store

TRIES = 5


@dataclass(frozen=True)
class NewFactor:
    """Shown once, while it is set up."""

    secret: str = field(repr=False)
    uri: str = field(repr=False)


@dataclass(frozen=True)
class Factors:
    db: Database
    clock: Clock
    rng: Rng
    box: Box = field(repr=False)
    guesses: Throttle = field(default_factory=lambda: Throttle(TRIES))

    async def prove(self, user: User, code: str | None) -> tuple[str, ...]:
        """Nothing to do for a user without a second factor."""
        found = await self.db.read(store.factor, user.id)
        if found is None or not found[1]:
            return ()
        if code is None:
            raise Unauthenticated(
                "This user signs in with a second factor.",
                remedy="Send `code`, the six digits that your authenticator shows.",
            )
        await self._check(user.id, found[0], code)
        return ("otp",)

    async def stands(self, user: UserId) -> bool:
        found = await self.db.read(store.factor, user)
        return found is not None and found[1]

    async def start(self, user: UserId) -> NewFactor:
        secret = self.rng.bytes(totp.SECRET_BYTES)
        return await self.db.write(_start, user, secret, self.box.seal(secret, user))

    async def confirm(self, user: UserId, code: str) -> None:
        found = await self.db.read(store.factor, user)
        if found is None or found[1]:
            raise FactorStands(
                "No second factor is being set up.", remedy="POST /api/v1/me/second-factor first."
            )
        await self._check(user, found[0], code, _confirm)

    async def drop(self, user: UserId) -> None:
        if not await self.db.write(_drop, user):
            raise FactorStands("There is no second factor.")

    async def _check(
        self,
        user: UserId,
        sealed: bytes,
        code: str,
        also: Callable[[Tx, UserId], None] = lambda _tx, _user: None,
    ) -> None:
        """`also` is done in the transaction that uses the code up."""
        now = self.clock.monotonic()
        wait = self.guesses.wait_seconds(user, now)
        if wait > 0:
            raise Throttled("Too many wrong codes in a row.", wait)
        secret = self.box.open(sealed, user)
        assert secret is not None, "sealed for this user by us"
        seconds = ms(self.clock.now()) // 1000
        if not await self.db.write(_use, user, secret, code, seconds, also):
            self.guesses.failed(user, now)
            raise WrongCode(
                "This code is wrong, too old, or was used already.",
                field="code",
                remedy="Wait for the next one and check the clock of your device.",
            )
        self.guesses.succeeded(user)


def _use(
    tx: Tx,
    user: UserId,
    secret: bytes,
    code: str,
    seconds: int,
    also: Callable[[Tx, UserId], None],
) -> bool:
    step = totp.matching_step(secret, code, seconds, store.last_step(tx, user))
    if step is None or not store.use_step(tx, user, step):
        return False
    also(tx, user)
    return True


def _start(tx: Tx, user: UserId, secret: bytes, sealed: bytes) -> NewFactor:
    found = store.factor(tx, user)
    if found is not None and found[1]:
        raise FactorStands(
            "There is a second factor already.", remedy="DELETE /api/v1/me/second-factor first."
        )
    store.put_factor(tx, user, sealed)
    owner = find_user(tx, user)
    assert owner is not None
    return NewFactor(totp.spelled(secret), totp.uri(secret, owner.email))


def _confirm(tx: Tx, user: UserId) -> None:
    store.confirm_factor(tx, user)
    audit.record(tx, "second_factor_added", "user", user, tenant=user)


def _drop(tx: Tx, user: UserId) -> bool:
    if not store.drop_factor(tx, user):
        return False
    audit.record(tx, "second_factor_removed", "user", user, tenant=user)
    return True
