"""Personal API tokens: for programs, with an end and with no more rights than they need."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from control_plane.accounts import service as accounts
from control_plane.accounts.models import User
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, UserId, random_id
from control_plane.infra import audit
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.sessions.errors import NoSuchToken
from control_plane.sessions.models.believed import Believed
from control_plane.sessions.models.session import TOUCH_MS
from control_plane.sessions.models.tokens import API_PREFIX, ApiToken, digest, secret
from control_plane.sessions.store import proofs as store

DAY_MS = 86_400_000


@dataclass(frozen=True)
class MadeToken:
    id: str
    token: str = field(repr=False)  # nobody sees it again
    expires_ms: int


@dataclass(frozen=True)
class ApiTokens:
    db: Database
    clock: Clock
    rng: Rng
    _believed: Believed[tuple[User, ApiToken]] = field(default_factory=Believed, repr=False)

    async def make(self, user: UserId, name: str, scopes: Sequence[str], days: int) -> MadeToken:
        text = secret(self.rng, API_PREFIX)
        now = ms(self.clock.now())
        made = ApiToken(
            id=random_id("tk", self.rng),
            user_id=user,
            name=name,
            hint=text[-4:],
            scopes=tuple(sorted(set(scopes))),
            created_ms=now,
            expires_ms=now + days * DAY_MS,
        )
        return await self.db.write(_make, made, text)

    async def known(self, text: str) -> tuple[User, ApiToken]:
        """Whose it is. A revoked one is believed for five seconds at most."""
        hashed, now = digest(text), self.clock.monotonic()
        believed = self._believed.get(hashed, now)
        if believed is not None and believed[1].expires_ms > self._ms():
            return believed
        return self._believed.keep(hashed, now, await self._look(hashed))

    async def surely_known(self, text: str) -> tuple[User, ApiToken]:
        """For what changes something: asked of the database, not of memory."""
        return await self._look(digest(text))

    async def of(self, user: UserId) -> list[ApiToken]:
        return await self.db.read(store.tokens, user)

    async def revoke(self, user: UserId, identity: str) -> None:
        if not await self.db.write(_revoke, user, identity):
            raise NoSuchToken(
                f"There is no token {identity!r}.",
                field="token_id",
                remedy="`slipway token list` shows yours.",
            )
        self._believed.forget_all()  # by their text, which only their owner has

    async def _look(self, hashed: str) -> tuple[User, ApiToken]:
        found = await self.db.read(_find, hashed)
        if found is None:
            raise Unauthenticated(
                "This API token is not valid: unknown, revoked or expired.",
                remedy="Make another with `slipway token create`.",
            )
        user, token = found
        if self._ms() - (token.used_ms or 0) > TOUCH_MS:
            await self.db.write(store.touch_token, token.id)
        return user, token

    def _ms(self) -> int:
        return ms(self.clock.now())


def _find(tx: Tx, hashed: str) -> tuple[User, ApiToken] | None:
    token = store.token_of(tx, hashed)
    user = None if token is None else accounts.user(tx, token.user_id)
    return None if token is None or user is None else (user, token)


def _make(tx: Tx, token: ApiToken, text: str) -> MadeToken:
    store.insert_token(tx, token, digest(text))
    audit.record(
        tx,
        "api_token_made",
        "api_token",
        token.id,
        tenant=token.user_id,
        name=token.name,
        scopes=list(token.scopes),
    )
    return MadeToken(token.id, text, token.expires_ms)


def _revoke(tx: Tx, user: UserId, identity: str) -> bool:
    if not store.revoke_token(tx, user, identity):
        return False
    audit.record(tx, "api_token_revoked", "api_token", identity, tenant=user)
    return True
