"""Who asks, and whether they may ask this.

A credential is a header, never part of an address: an access token, a personal API token or the
operator's token (Bearer), or e-mail and password with every request (Basic), for people with a
browser and nothing else.
"""

from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass

from starlette.requests import HTTPConnection
from starlette.routing import BaseRoute

from control_plane.accounts.models import User
from control_plane.accounts.service import Users, admit
from control_plane.core.ids import UserId
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_edge import PREFIX
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.infra.operator import is_token
from control_plane.sessions.errors import FactorDue, NotYours, StepUpNeeded
from control_plane.sessions.models.rights import RIGHTS, Right, reaches
from control_plane.sessions.models.session import REFRESH, Device
from control_plane.sessions.models.tokens import API_PREFIX, TICKET
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.service.signing_in import Sessions
from control_plane.sessions.service.tickets import Tickets
from control_plane.sessions.service.tokens import ApiTokens

PASSWORD = "POST /me/password"  # noqa: S105 # a route
# What an admin without a second factor needs to get one.
SETTING_UP = {
    PASSWORD,
    "GET /me",
    "POST /me/step-up",
    "POST /me/second-factor",
    "POST /me/second-factor/confirm",
}
LIVE = "websocket"
LIVE_ROUTE = "WEBSOCKET /live"
NOBODY = "Send an access token, an API token or the operator's token (Bearer), or sign in first."


@dataclass(frozen=True)
class Authenticator:
    users: Users
    sessions: Sessions
    tokens: ApiTokens
    factors: Factors
    tickets: Tickets
    token: str
    needs_admins_factor: bool = False

    async def __call__(self, request: HTTPConnection) -> Caller:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        name, right = asked(request)
        value = value.strip()
        match scheme.lower():
            case "bearer" if is_token(value, self.token):
                user = await self.users.operated()
                return Caller(
                    user.tenant,
                    "operator",
                    is_admin=True,
                    is_operator=True,
                    is_for_everybody=right.role == "admin",
                )
            case "bearer" if value.startswith(API_PREFIX):
                return await self._by_api_token(value, right)
            case "bearer" if value:
                return await self._by_session(value, name, right)
            case "basic":
                return await self._by_password(value, request, name, right)
            case "" if request.scope["type"] == LIVE:
                return await self._by_page(request, right)
            case _:
                raise Unauthenticated("Nobody is signed in.", remedy=NOBODY)

    async def _by_page(self, request: HTTPConnection, right: Right) -> Caller:
        """A page can set no header when it opens a live connection. It offers a ticket as one of
        its protocols; or its cookie speaks for it, if its origin is known to be ours.
        """
        for protocol in request.scope["subprotocols"]:
            if protocol.startswith(TICKET):
                return await self.tickets.use(protocol.removeprefix(TICKET))
        cookie = request.cookies.get(REFRESH, "")
        origin = request.headers.get("origin", "").partition("://")[2]
        if not cookie or origin != request.headers.get("host"):
            raise Unauthenticated(
                "Nobody is signed in.",
                remedy="POST /api/v1/live/tickets, and offer the protocol ticket.… with it.",
            )
        known = await self.sessions.known_by_cookie(cookie[:100])
        admit(known.user)
        if self.needs_admins_factor and known.user.role == "admin":
            _require_factor("otp" in known.session.amr)
        _require_role(known.user, right)
        return _caller(known.user, right, session=known.session.id)

    async def _by_api_token(self, value: str, right: Right) -> Caller:
        known = self.tokens.known if right.scope == "read" else self.tokens.surely_known
        user, token = await known(value)
        admit(user)
        if self.needs_admins_factor and user.role == "admin":
            _require_factor(await self.factors.stands(user.id))
        _require_role(user, right)
        if right.scope is None or right.scope not in token.scopes:
            raise NotYours(
                f"This token may not do this: it has {' '.join(token.scopes)}.",
                remedy=(
                    "Sign in as a person for this."
                    if right.scope is None
                    else f"Make a token with the scope {right.scope!r}."
                ),
            )
        return _caller(user, right, token=token.id, ends_ms=token.expires_ms)

    async def _by_session(self, value: str, name: str, right: Right) -> Caller:
        is_read = right.scope == "read"
        known = await (self.sessions.known if is_read else self.sessions.surely_known)(value)
        if name != PASSWORD:
            admit(known.user)
        if self.needs_admins_factor and known.user.role == "admin" and name not in SETTING_UP:
            _require_factor("otp" in known.session.amr)
        _require_role(known.user, right)
        if right.is_sensitive:
            self.sessions.require_fresh(known.session)
        ends_ms = self.sessions.ends_ms(value) if name == LIVE_ROUTE else None
        return _caller(known.user, right, session=known.session.id, ends_ms=ends_ms)

    async def _by_password(
        self, value: str, request: HTTPConnection, name: str, right: Right
    ) -> Caller:
        user = await self._signed_in(value, request)
        if name != PASSWORD:
            admit(user)
        if self.needs_admins_factor and user.role == "admin" and name != PASSWORD:
            _require_factor(has_factor=False)
        _require_role(user, right)
        return _caller(user, right)

    async def _signed_in(self, value: str, request: HTTPConnection) -> User:
        try:
            email, colon, password = b64decode(value, validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise Unauthenticated(
                "The Authorization header cannot be read.",
                remedy="Basic is followed by base64 of e-mail:password.",
            )
        user = await self.users.sign_in(email, password, device(request).address)
        if not user.is_verified or await self.factors.stands(user.id):
            raise Unauthenticated(
                "This user's password alone opens nothing.",
                remedy="POST /api/v1/sessions, with `code` if there is a second factor.",
            )
        return user


def asked(request: HTTPConnection) -> tuple[str, Right]:
    """Which route it is, and what that takes. The status page shows what everybody has."""
    route: BaseRoute | None = request.scope.get("route")
    path = str(getattr(route, "path", ""))
    if not request.url.path.startswith(PREFIX):
        return path, Right("admin", "read")
    verb = request.scope.get("method", LIVE.upper())
    name = f"{verb} {path.removeprefix(PREFIX)}"
    return name, RIGHTS.get(name, Right("admin", None))


def device(request: HTTPConnection) -> Device:
    address = request.client.host if request.client else "?"
    return Device(request.headers.get("user-agent", ""), address)


def _require_factor(has_factor: bool) -> None:
    if not has_factor:
        raise FactorDue(
            "An admin signs in with a second factor here.",
            remedy="POST /api/v1/me/second-factor, confirm it, then POST /api/v1/me/step-up with"
            " a `code`.",
        )


def _require_role(user: User, right: Right) -> None:
    if not reaches(user.role, right):
        raise NotYours(
            f"This takes the role {right.role!r}, and you have {user.role!r}.",
            remedy="Ask an admin.",
        )


def _caller(
    user: User, right: Right, *, session: str = "", token: str = "", ends_ms: int | None = None
) -> Caller:
    return Caller(
        user.tenant,
        user.email,
        is_admin=user.role == "admin",
        is_for_everybody=right.role == "admin",
        session=session,
        token=token,
        ends_ms=ends_ms,
    )


def user_id(caller: Caller) -> UserId:
    return UserId(caller.tenant)


def require_session(caller: Caller) -> str:
    if not caller.session:
        raise StepUpNeeded("This needs a session.", remedy="POST /api/v1/sessions first.")
    return caller.session
