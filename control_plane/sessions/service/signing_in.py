"""Sessions: begun with a password and, where there is one, a second factor; kept going by refresh
tokens that are good once; ended by their owner, by idleness, or because somebody stole one.
"""

import hmac
from dataclasses import dataclass, field
from hashlib import sha256

from control_plane.accounts.models import User
from control_plane.accounts.service import Users
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, UserId, random_id
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.infra.mail import Letter, Mail
from control_plane.infra.rootkey import Box
from control_plane.sessions.errors import NoSuchSession, ProofMissing, StepUpNeeded
from control_plane.sessions.models.believed import Believed
from control_plane.sessions.models.jwt import BadToken, Claims, Issuer
from control_plane.sessions.models.session import (
    LOST_REPLY_MS,
    TOUCH_MS,
    Device,
    Session,
    Turn,
)
from control_plane.sessions.models.tokens import digest, secret
from control_plane.sessions.service import turning
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.store import sessions as store
from control_plane.settings import AccountSettings

ENDED = "This session has ended."
REMEDY = "Sign in again."


@dataclass(frozen=True)
class SignedIn:
    """What a client is given; the refresh token goes into a cookie that scripts cannot read."""

    user: User
    session: Session
    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    csrf_token: str = field(repr=False)


@dataclass(frozen=True)
class Known:
    """Whom an access token turned out to be."""

    user: User
    session: Session


@dataclass(frozen=True)
class Sessions:
    db: Database
    clock: Clock
    rng: Rng
    users: Users
    factors: Factors
    issuer: Issuer
    box: Box = field(repr=False)
    csrf_key: bytes = field(repr=False)
    mail: Mail
    settings: AccountSettings
    _believed: Believed[Known] = field(default_factory=Believed, repr=False)

    async def begin(self, email: str, password: str, code: str | None, device: Device) -> SignedIn:
        user = await self.users.sign_in(email, password, device.address)
        if not user.is_verified:
            raise Unauthenticated(
                "This e-mail is not confirmed yet.",
                remedy="Open the link in the letter that we sent, or sign up again for another.",
            )
        amr = await self.factors.prove(user, code)
        return await self.open_for(user, ("pwd", *amr), device)

    async def open_for(self, user: User, amr: tuple[str, ...], device: Device) -> SignedIn:
        """A session for somebody who has just proved who they are: always a new one."""
        refresh = secret(self.rng)
        made = await self.db.write(
            turning.opened,
            random_id("se", self.rng),
            user,
            amr,
            device,
            refresh=refresh,
            life_ms=int(self.settings.session_days * 86_400_000),
        )
        return self._signed_in(user, made, refresh)

    async def renew(self, refresh: str, csrf: str, device: Device) -> SignedIn:
        """Another access token, and another refresh token in place of this one."""
        successor = secret(self.rng)
        happened, user, session, token = await self.db.write(
            turning.renewed,
            refresh,
            successor,
            device,
            box=self.box,
            idle_ms=self.idle_ms,
            may=lambda session: self.is_csrf(session, csrf),
        )
        if happened is Turn.REVOKE and user is not None:
            self._believed.forget_all()
            self.mail.send(_stolen(user))
        if user is None or session is None or happened in {Turn.REVOKE, Turn.ENDED}:
            raise Unauthenticated(ENDED, remedy=REMEDY)
        return self._signed_in(user, session, token)

    async def known(self, token: str) -> Known:
        """Whose access token it is. A revoked session is believed for five seconds at most."""
        claims, now = self._read(token), self.clock.monotonic()
        believed = self._believed.get(claims.sid, now)
        return believed or self._believed.keep(claims.sid, now, await self._look(claims))

    async def surely_known(self, token: str) -> Known:
        """For what moves money or keys: asked of the database, not of memory."""
        return await self._look(self._read(token))

    async def known_by_cookie(self, refresh: str) -> Known:
        """Whose refresh token it is. It is not used up: it only says who holds it."""
        user, session = await self.db.read(
            turning.holder, digest(refresh), self._ms() - LOST_REPLY_MS
        )
        if user is None or session is None or not session.stands(self._ms(), self.idle_ms):
            raise Unauthenticated(ENDED, remedy=REMEDY)
        return Known(user, session)

    def ends_ms(self, token: str) -> int:
        """Until when an access token that was just believed is good."""
        return self.issuer.read(token, self._seconds()).exp * 1000

    async def step_up(
        self, user: UserId, session: str, password: str | None, code: str | None, device: Device
    ) -> SignedIn:
        """Prove once more who it is. Whoever came by way of a provider has no password: the second
        factor does, or the provider asks again.
        """
        found, held = await self.db.read(turning.find, session)
        assert found is not None
        assert held is not None
        first = "pwd"
        if password is not None:
            await self.users.confirm(user, password)
        elif "fed" in held.amr and code is not None and await self.factors.stands(user):
            first = "fed"
        else:
            raise ProofMissing(
                "This takes your password.",
                field="password",
                remedy="Send it. Whoever signed in with Google sends the `code` of a second factor,"
                " or goes by way of POST /api/v1/me/step-up/google.",
            )
        amr = await self.factors.prove(found, code)
        return await self.follow(found, session, (first, *amr), device)

    async def follow(
        self, user: User, session: str, amr: tuple[str, ...], device: Device
    ) -> SignedIn:
        """Another session in place of one, so that the old id is worth nothing more."""
        await self.end(user.id, session, "stepped up")
        return await self.open_for(user, amr, device)

    async def change_password(
        self, user: UserId, current: str | None, new: str, session: str
    ) -> None:
        """Every other session ends: whoever had the old password has nothing."""

        def end_others(tx: Tx) -> int:
            return store.revoke_all(tx, user, "password changed", but=session)

        await self.users.change_password(user, current, new, end_others)
        self._believed.forget_all()

    async def end(self, user: UserId, session: str, why: str = "ended by its owner") -> None:
        if not await self.db.write(turning.end, user, session, why):
            raise NoSuchSession(
                f"There is no session {session!r}.",
                field="session_id",
                remedy="GET /api/v1/sessions shows yours.",
            )
        self._believed.forget(session)

    async def end_by_cookie(self, refresh: str, csrf: str) -> None:
        """Signing out works with nothing but the cookie, and always succeeds."""

        def find_and_end(tx: Tx) -> str | None:
            renewal = store.renewal(tx, digest(refresh))
            found = None if renewal is None else store.session(tx, renewal.session)
            if found is None or not self.is_csrf(found.id, csrf):
                return None
            turning.end(tx, found.user_id, found.id, "signed out")
            return found.id

        ended = await self.db.write(find_and_end)
        self._believed.forget(ended)

    async def of(self, user: UserId) -> list[Session]:
        found = await self.db.read(store.standing, user)
        return [one for one in found if one.stands(self._ms(), self.idle_ms)]

    def csrf_for(self, session: str) -> str:
        return hmac.digest(self.csrf_key, session.encode(), sha256).hex()

    def is_csrf(self, session: str, given: str) -> bool:
        return hmac.compare_digest(self.csrf_for(session).encode(), given.encode())

    def require_fresh(self, session: Session) -> None:
        if not session.is_fresh(self._ms()):
            way = "/google" if "fed" in session.amr else " with your password"
            raise StepUpNeeded(
                "You signed in too long ago for this.",
                remedy=f"POST /api/v1/me/step-up{way}, then try again.",
            )

    def _read(self, token: str) -> Claims:
        try:
            return self.issuer.read(token, self._seconds())
        except BadToken as error:
            raise Unauthenticated("This access token is not valid.", remedy=REMEDY) from error

    async def _look(self, claims: Claims) -> Known:
        user, session = await self.db.read(turning.find, claims.sid)
        now = self._ms()
        if user is None or session is None or session.user_id != claims.sub:
            raise Unauthenticated(ENDED, remedy=REMEDY)
        if not session.stands(now, self.idle_ms):
            raise Unauthenticated(ENDED, remedy=REMEDY)
        if now - session.seen_ms > TOUCH_MS:
            await self.db.write(store.touch, session.id, now)
        return Known(user, session)

    def _signed_in(self, user: User, session: Session, refresh: str) -> SignedIn:
        claims = self.issuer.claims(
            user.id,
            session.id,
            random_id("at", self.rng),
            self._seconds(),
            session.amr,
            session.auth_ms // 1000,
        )
        return SignedIn(user, session, self.issuer.sign(claims), refresh, self.csrf_for(session.id))

    @property
    def idle_ms(self) -> int:
        return int(self.settings.idle_minutes * 60_000)

    def _ms(self) -> int:
        return ms(self.clock.now())

    def _seconds(self) -> int:
        return self._ms() // 1000


def _stolen(user: User) -> Letter:
    return Letter(
        user.email,
        "One of your sessions was ended",
        "A sign-in of yours was used from a second place, after you had gone on with it.\n"
        "That session is ended. If you do not know why, change your password.\n",
    )
