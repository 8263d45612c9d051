"""How one becomes known: signing up, signing in, going on, signing out. Open to everybody."""

from typing import Annotated

from fastapi import APIRouter, Cookie, Header, Request, Response
from pydantic import Field

from control_plane.infra.http_refusals import Unauthenticated
from control_plane.infra.http_shapes import Body, Shape
from control_plane.sessions.api.who import device
from control_plane.sessions.models.jwt import LIFE_SECONDS
from control_plane.sessions.models.session import CSRF, REFRESH
from control_plane.sessions.service.letters import Letters
from control_plane.sessions.service.signing_in import ENDED, REMEDY, Sessions, SignedIn

Password = Annotated[str, Field(max_length=200, examples=["four quiet words here"])]
Email = Annotated[str, Field(max_length=254, examples=["ann@example.com"])]
Code = Annotated[
    str | None, Field(pattern=r"^[0-9]{6}$", description="Of the second factor, if there is one.")
]
Proof = Annotated[str, Field(max_length=100, description="As the letter has it.")]
RefreshCookie = Annotated[str | None, Cookie(alias=REFRESH, max_length=100)]
CsrfHeader = Annotated[
    str | None,
    Header(alias="X-CSRF-Token", max_length=100, description=f"What the cookie {CSRF} holds."),
]


class SignUp(Body):
    email: Email
    password: Password
    invitation: str | None = Field(None, max_length=100)


class Confirm(Body):
    proof: Proof
    password: Password


class SignIn(Body):
    email: Email
    password: Password
    code: Code = None


class AskReset(Body):
    email: Email


class Reset(Body):
    proof: Proof
    new_password: Password
    code: Code = None


class Sent(Shape):
    detail: str


class SignedInOut(Shape):
    access_token: str
    token_type: str = "Bearer"  # noqa: S105 # a word of RFC 6750
    expires_in_seconds: int = LIFE_SECONDS
    csrf_token: str
    session_id: str
    must_change_password: bool


SENT = Sent(detail="If this address can be used here, a letter is on its way to it.")


def doors(sessions: Sessions, letters: Letters) -> APIRouter:
    router = APIRouter(tags=["sign-in"])

    @router.post("/sign-up", status_code=202)
    async def sign_up(request: Request, body: SignUp) -> Sent:
        """Ask for a user. A letter asks you to confirm your address."""
        await letters.sign_up(body.email, body.password, body.invitation, device(request).network)
        return SENT

    @router.post("/sign-up/confirm", status_code=204)
    async def confirm_sign_up(request: Request, body: Confirm) -> None:
        """Confirm your address with what the letter has, and the password you chose."""
        await letters.confirm(body.proof, body.password, device(request).address)

    @router.post("/password-reset", status_code=202)
    async def ask_password_reset(request: Request, body: AskReset) -> Sent:
        """Ask for a letter that lets you choose a new password."""
        await letters.ask_reset(body.email, device(request).network)
        return SENT

    @router.post("/password-reset/confirm", status_code=204)
    async def reset_password(body: Reset) -> None:
        """Choose a new password. Every session of yours ends."""
        await letters.reset(body.proof, body.new_password, body.code)

    @router.post("/sessions")
    async def sign_in(request: Request, response: Response, body: SignIn) -> SignedInOut:
        """Sign in. The refresh token comes as a cookie."""
        made = await sessions.begin(body.email, body.password, body.code, device(request))
        return give(response, made)

    @router.post("/sessions/refresh")
    async def refresh_session(
        request: Request,
        response: Response,
        cookie: RefreshCookie = None,
        csrf: CsrfHeader = None,
    ) -> SignedInOut:
        """Another access token, for the cookie and the header X-CSRF-Token."""
        if not cookie or not csrf:
            raise Unauthenticated(ENDED, remedy=REMEDY)
        return give(response, await sessions.renew(cookie, csrf, device(request)))

    @router.post("/sessions/end", status_code=204)
    async def sign_out(
        response: Response, cookie: RefreshCookie = None, csrf: CsrfHeader = None
    ) -> None:
        """Sign out: the session of the cookie ends."""
        if cookie and csrf:
            await sessions.end_by_cookie(cookie, csrf)
        for name in (REFRESH, CSRF):
            response.delete_cookie(name, path="/", secure=True, samesite="strict")

    return router


def give(response: Response, made: SignedIn) -> SignedInOut:
    """The refresh token where scripts cannot read it, the other where only ours can."""
    for name, value, is_hidden in (
        (REFRESH, made.refresh_token, True),
        (CSRF, made.csrf_token, False),
    ):
        response.set_cookie(
            name,
            value,
            max_age=max(0, (made.session.expires_ms - made.session.seen_ms) // 1000),
            path="/",
            secure=True,
            httponly=is_hidden,
            samesite="strict",
        )
    return SignedInOut(
        access_token=made.access_token,
        csrf_token=made.csrf_token,
        session_id=made.session.id,
        must_change_password=made.user.must_change_password,
    )
