"""Who asks, and the routes of one's own user and accounts."""

from base64 import b64decode
from binascii import Error as NotBase64
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Request
from pydantic import Field

from control_plane.accounts.models import User
from control_plane.accounts.service import Accounts, Users, admit
from control_plane.core.ids import AccountId, UserId
from control_plane.infra.http import PREFIX, Caller, Me, Unauthenticated
from control_plane.infra.http_shapes import Body, Items, Moment, Shape
from control_plane.infra.operator import is_token

PASSWORD_PATH = f"{PREFIX}/me/password"

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S.*$", examples=["practice"])]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z0-9]{2,10}$", description="INR, USDT, …", examples=["INR"])
]
Amount = Annotated[
    Decimal, Field(gt=0, le=Decimal(10) ** 12, decimal_places=8, examples=["100000"])
]


@dataclass(frozen=True)
class Authenticator:
    """The operator's bearer token, or a user's e-mail and password (HTTP Basic)."""

    users: Users
    token: str

    async def __call__(self, request: Request) -> Caller:
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        match scheme.lower():
            case "bearer" if is_token(value.strip(), self.token):
                user = await self.users.operated()
                return Caller(user.tenant, "operator", is_admin=True, is_operator=True)
            case "basic":
                user = await self._signed_in(value, request)
            case _:
                raise Unauthenticated(
                    "Nobody is signed in.",
                    remedy=(
                        "Send your e-mail and password (HTTP Basic), "
                        "or the operator token of the data folder (Bearer)."
                    ),
                )
        if request.url.path != PASSWORD_PATH:
            admit(user)
        return Caller(user.tenant, user.email, is_admin=user.role == "admin")

    async def _signed_in(self, value: str, request: Request) -> User:
        try:
            email, colon, password = b64decode(value, validate=True).decode().partition(":")
        except (NotBase64, UnicodeDecodeError):
            colon = ""
        if not colon:
            raise Unauthenticated(
                "The Authorization header cannot be read.",
                remedy="Basic is followed by base64 of e-mail:password.",
            )
        address = request.client.host if request.client else "?"
        return await self.users.sign_in(email, password, address)


class NewPassword(Body):
    current_password: str | None = Field(
        None, description="Not needed with the operator token.", max_length=200
    )
    new_password: str = Field(max_length=200, examples=["four quiet words here"])


class OpenPaper(Body):
    name: Name
    currency: Currency
    amount: Amount


class ResetPaper(Body):
    currency: Currency
    amount: Amount


class MeOut(Shape):
    id: str
    name: str
    is_admin: bool


class AccountOut(Shape):
    id: str
    name: str
    venue: str = Field(examples=["paper"])
    state: str
    reason: str | None
    home_currency: str
    created_at: Moment = Field(validation_alias="created_ms")


class BalanceOut(Shape):
    wallet: str = Field(examples=["spot"])
    currency: str
    free: Decimal
    locked: Decimal


def me_routes(users: Users) -> APIRouter:
    router = APIRouter(tags=["me"])

    @router.get("/me")
    async def who_am_i(me: Me) -> MeOut:
        """Who is signed in."""
        return MeOut(id=me.tenant, name=me.name, is_admin=me.is_admin)

    @router.post("/me/password", status_code=204)
    async def change_password(me: Me, body: NewPassword) -> None:
        """Set another password. A one-time password opens nothing until this is done."""
        current = None if me.is_operator else body.current_password or ""
        await users.change_password(UserId(me.tenant), current, body.new_password)

    return router


def account_routes(accounts: Accounts) -> APIRouter:
    router = APIRouter(prefix="/accounts", tags=["accounts"])

    @router.get("")
    async def list_accounts(me: Me) -> Items[AccountOut]:
        """Your accounts, oldest first."""
        return Items.of(AccountOut, await accounts.of(me.tenant))

    @router.post("/paper", status_code=201)
    async def open_paper_account(me: Me, body: OpenPaper) -> AccountOut:
        """Open an account with play money."""
        opened = await accounts.open_paper(me.tenant, body.name, body.currency, body.amount)
        return AccountOut.model_validate(opened)

    @router.get("/{account_id}/balances")
    async def balances(me: Me, account_id: AccountId) -> Items[BalanceOut]:
        """What the account holds, free and bound in orders."""
        return Items.of(BalanceOut, await accounts.balances(me.tenant, account_id))

    @router.post("/{account_id}/reset")
    async def reset(me: Me, account_id: AccountId, body: ResetPaper) -> AccountOut:
        """Begin again with fresh play money. Refused while a position is open."""
        found = await accounts.reset(me.tenant, account_id, body.currency, body.amount)
        return AccountOut.model_validate(found)

    return router
