"""One's own user: password, second factor, sessions and tokens; and what admins do with users."""

from typing import Annotated, Literal

from fastapi import APIRouter, Request, Response
from pydantic import BeforeValidator, Field

from control_plane.core.ids import UserId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Body, Items, Moment, Paged, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.sessions.api.doors import Code, Email, Password, SignedInOut, give
from control_plane.sessions.api.who import device, require_session, user_id
from control_plane.sessions.models.rights import Role, Scope
from control_plane.sessions.service.factors import Factors
from control_plane.sessions.service.letters import Letters
from control_plane.sessions.service.people import People
from control_plane.sessions.service.signing_in import Sessions
from control_plane.sessions.service.tokens import ApiTokens

Words = Annotated[list[str], BeforeValidator(list)]


class NewPassword(Body):
    current_password: str | None = Field(
        None, description="Not needed with the operator token.", max_length=200
    )
    new_password: Password


class StepUp(Body):
    password: Password | None = Field(
        None, description="Not needed by who signed in with Google and has a second factor."
    )
    code: Code = None


class CodeIn(Body):
    code: str = Field(pattern=r"^[0-9]{6}$", examples=["123456"])


class NewToken(Body):
    name: str = Field(min_length=1, max_length=60, pattern=r"^\S.*$", examples=["nightly report"])
    scopes: list[Scope] = Field(min_length=1, max_length=4, examples=[["read"]])
    days: int = Field(90, ge=1, le=365, description="How long it is good.")


class Invite(Body):
    email: Email


class NewRole(Body):
    role: Role


class MeOut(Shape):
    id: str
    name: str
    is_admin: bool


class SessionOut(Shape):
    id: str
    agent: str
    address: str
    amr: Words = Field(description="How it was begun: pwd, otp, fed.", examples=[["pwd"]])
    created_at: Moment = Field(validation_alias="created_ms")
    seen_at: Moment = Field(validation_alias="seen_ms")
    expires_at: Moment = Field(validation_alias="expires_ms")


class TokenOut(Shape):
    id: str
    name: str
    hint: str = Field(description="Its last four characters.")
    scopes: Words
    created_at: Moment = Field(validation_alias="created_ms")
    expires_at: Moment = Field(validation_alias="expires_ms")
    used_at: Moment | None = Field(None, validation_alias="used_ms")


class MadeToken(Shape):
    id: str
    token: str = Field(description="Shown this once.")
    expires_at: Moment = Field(validation_alias="expires_ms")


class FactorOut(Shape):
    secret: str = Field(description="For an authenticator app; shown this once.")
    uri: str


class UserOut(Shape):
    id: str
    email: str
    role: Literal["trader", "author", "admin"]
    is_verified: bool


def my_routes(sessions: Sessions, factors: Factors) -> APIRouter:
    router = APIRouter(tags=["me"])

    @router.get("/me")
    async def who_am_i(me: Me) -> MeOut:
        """Who is signed in."""
        return MeOut(id=me.tenant, name=me.name, is_admin=me.is_admin)

    @router.post("/me/password", status_code=204)
    async def change_password(me: Me, body: NewPassword) -> None:
        """Set another password. A one-time password opens nothing until this is done, and every
        other session of yours ends.
        """
        current = None if me.is_operator else body.current_password or ""
        await sessions.change_password(user_id(me), current, body.new_password, me.session)

    @router.post("/me/step-up")
    async def step_up(me: Me, request: Request, response: Response, body: StepUp) -> SignedInOut:
        """Prove once more that it is you, for what needs a fresh proof. It is a new session."""
        session = require_session(me)
        made = await sessions.step_up(
            user_id(me), session, body.password, body.code, device(request)
        )
        return give(response, made)

    @router.post("/me/second-factor", status_code=201)
    async def start_second_factor(me: Me) -> FactorOut:
        """Set up an authenticator app. It counts once you confirm a first code."""
        return FactorOut.model_validate(await factors.start(user_id(me)))

    @router.post("/me/second-factor/confirm", status_code=204)
    async def confirm_second_factor(me: Me, body: CodeIn) -> None:
        """Confirm it with a code that the app shows."""
        await factors.confirm(user_id(me), body.code)

    @router.delete("/me/second-factor", status_code=204)
    async def drop_second_factor(me: Me) -> None:
        """Sign in with the password alone again."""
        await factors.drop(user_id(me))

    @router.get("/sessions")
    async def list_sessions(me: Me, asked: Paged) -> Items[SessionOut]:
        """Where you are signed in, the last used first."""
        found = map(SessionOut.model_validate, await sessions.of(user_id(me)))
        return Items.some(found, asked, at="seen_at")

    @router.delete("/sessions/{session_id}", status_code=204)
    async def end_session(me: Me, session_id: str) -> None:
        """End one of them."""
        await sessions.end(user_id(me), session_id)

    return router


def token_routes(tokens: ApiTokens) -> APIRouter:
    router = APIRouter(prefix="/tokens", tags=["tokens"])

    @router.get("")
    async def list_tokens(me: Me, asked: Annotated[Asked, listing("name")]) -> Items[TokenOut]:
        """Your personal API tokens."""
        found = map(TokenOut.model_validate, await tokens.of(user_id(me)))
        return Items.some(found, asked, at="created_at")

    @router.post("", status_code=201)
    async def make_token(me: Me, body: NewToken) -> MadeToken:
        """Make one. Its text is shown this once."""
        made = await tokens.make(user_id(me), body.name, body.scopes, body.days)
        return MadeToken.model_validate(made)

    @router.delete("/{token_id}", status_code=204)
    async def revoke_token(me: Me, token_id: str) -> None:
        """Revoke one, at once."""
        await tokens.revoke(user_id(me), token_id)

    return router


def people_routes(people: People, letters: Letters) -> APIRouter:
    router = APIRouter(tags=["users"])

    @router.get("/users")
    async def list_users(
        _me: Me,
        asked: Annotated[Asked, listing("email", by_name=True, role=Role, is_verified=bool)],
    ) -> Items[UserOut]:
        """Everybody, for admins."""
        return Items.some(map(UserOut.model_validate, await people.listed()), asked, by="email")

    @router.put("/users/{user}/role", status_code=204)
    async def set_role(me: Me, user: UserId, body: NewRole) -> None:
        """Make somebody a trader, an author or an admin."""
        await people.put_role(user, body.role, by=me.name)

    @router.post("/invitations", status_code=204)
    async def invite(me: Me, body: Invite) -> None:
        """Send somebody an invitation to sign up."""
        await letters.invite(body.email, user_id(me))

    return router
