"""The routes of one's own accounts."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter
from pydantic import Field

from control_plane.accounts.service import Accounts
from control_plane.core.ids import AccountId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked

Name = Annotated[str, Field(min_length=1, max_length=60, pattern=r"^\S.*$", examples=["practice"])]
Currency = Annotated[
    str, Field(pattern=r"^[A-Z0-9]{2,10}$", description="INR, USDT, …", examples=["INR"])
]
Amount = Annotated[
    Decimal, Field(gt=0, le=Decimal(10) ** 12, decimal_places=8, examples=["100000"])
]


class OpenPaper(Body):
    name: Name
    currency: Currency
    amount: Amount


class ResetPaper(Body):
    currency: Currency
    amount: Amount


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


def account_routes(accounts: Accounts) -> APIRouter:
    router = APIRouter(prefix="/accounts", tags=["accounts"])

    @router.get("")
    async def list_accounts(
        me: Me, asked: Annotated[Asked, listing("name", "venue", "state", "home_currency")]
    ) -> Items[AccountOut]:
        """Your accounts."""
        found = map(AccountOut.model_validate, await accounts.of(me.tenant))
        return Items.some(found, asked, at="created_at")

    @router.post("/paper", status_code=201)
    async def open_paper_account(me: Me, body: OpenPaper) -> AccountOut:
        """Open an account with play money."""
        opened = await accounts.open_paper(me.tenant, body.name, body.currency, body.amount)
        return AccountOut.model_validate(opened)

    @router.get("/{account_id}/balances")
    async def list_balances(
        me: Me,
        account_id: AccountId,
        asked: Annotated[Asked, listing("wallet", "currency", by_name=True)],
    ) -> Items[BalanceOut]:
        """What the account holds, free and bound in orders."""
        found = await accounts.balances(me.tenant, account_id)
        return Items.some(map(BalanceOut.model_validate, found), asked, by="currency")

    @router.post("/{account_id}/reset")
    async def reset_account(me: Me, account_id: AccountId, body: ResetPaper) -> AccountOut:
        """Begin again with fresh play money. Refused while a position is open."""
        found = await accounts.reset(me.tenant, account_id, body.currency, body.amount)
        return AccountOut.model_validate(found)

    return router
