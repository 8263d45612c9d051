"""Broker keys over HTTP: they go in and never come out."""

from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field, SecretStr

from control_plane.accounts.service import Accounts
from control_plane.core.ids import AccountId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_match import IfMatch, tag
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.keys.service import NO_KEY, Keys

Text = Annotated[SecretStr, Field(min_length=8, max_length=500)]


class OpenLive(Body):
    name: str = Field(min_length=1, max_length=60, pattern=r"^\S.*$", examples=["main"])
    home_currency: str = Field("INR", pattern=r"^[A-Z0-9]{2,10}$")


class KeyIn(Body):
    api_key: Text
    api_secret: Text


class LiveOut(Shape):
    id: str
    name: str
    venue: str = Field(examples=["coindcx"])
    state: str
    reason: str | None


class KeyOut(Shape):
    """What is shown of a key: enough to tell it from another."""

    exchange: str
    hint: str = Field(description="The key's last four characters.")
    fingerprint: str
    created_at: Moment = Field(validation_alias="created_ms")


class HeldOut(Shape):
    wallet: str = Field(examples=["spot"])
    currency: str
    free: str
    locked: str


class KeyCheckOut(Shape):
    """What came of testing a key at its exchange."""

    state: str = Field(
        examples=["good"], description="good, refused, taken, unreachable, unchecked"
    )
    reason: str | None
    egress: str = Field(
        examples=["direct"], description="The address to bind the key to at the exchange."
    )
    skew_ms: int | None = Field(examples=[120], description="The exchange's clock less ours.")
    held: list[HeldOut] = Field(description="What the key can see: both wallets.")
    checked_at: Moment | None = Field(validation_alias="checked_ms")


class UsageOut(Shape):
    """What one process used of the limits of an address or a key."""

    name: str = Field(examples=["address direct"])
    second: int = Field(examples=[3], description="Requests of the last second.")
    second_limit: int = Field(examples=[16])
    minute: int = Field(examples=[41])
    minute_limit: int = Field(examples=[960])
    factor: float = Field(examples=[1.0], description="Below 1 after the exchange said 429.")
    promised: int = Field(examples=[4], description="Calls kept free to protect entries.")
    refused: int = Field(examples=[0], description="How often it said 429.")
    waiting: int = Field(examples=[0], description="Requests of the process that wait their turn.")
    process: str = Field(validation_alias="holder", examples=["host:1:ab12"])
    told_at: Moment = Field(validation_alias="at_ms")


def exchange_routes(keys: Keys) -> APIRouter:
    router = APIRouter(tags=["broker keys"])

    @router.get("/exchanges/coindcx/usage")
    async def list_exchange_usage(
        me: Me, asked: Annotated[Asked, listing("name", "process")]
    ) -> Items[UsageOut]:
        """How much of CoinDCX's rate limits is used now, by address and by key."""
        rows = [UsageOut.model_validate(one) for one in await keys.usage()]
        return Items.some(rows, asked, at="told_at", by="name")

    return router


def routes(keys: Keys, accounts: Accounts) -> APIRouter:
    router = APIRouter(prefix="/accounts", tags=["broker keys"])

    @router.post("/live", status_code=201)
    async def open_live_account(me: Me, body: OpenLive) -> LiveOut:
        """Name an account of yours at CoinDCX. It trades once its key is stored."""
        opened = await accounts.open_live(
            me.tenant, body.name, "coindcx", body.home_currency, NO_KEY
        )
        return LiveOut.model_validate(opened)

    @router.get("/{account_id}/key")
    async def get_key(me: Me, account_id: AccountId, response: Response) -> KeyOut:
        """Which key is stored, without the key."""
        found = await keys.look(me.tenant, account_id)
        tag(response, found.row_version)
        return KeyOut.model_validate(found)

    @router.put("/{account_id}/key")
    async def put_key(
        me: Me, account_id: AccountId, body: KeyIn, expected: IfMatch, response: Response
    ) -> KeyOut:
        """Store a key, or replace it. It is sealed at once; nobody reads it over HTTP again."""
        put = await keys.put(
            me.tenant,
            account_id,
            body.api_key.get_secret_value(),
            body.api_secret.get_secret_value(),
            expected,
        )
        tag(response, put.row_version)
        return KeyOut.model_validate(put)

    @router.get("/{account_id}/key/check")
    async def get_key_check(me: Me, account_id: AccountId) -> KeyCheckOut:
        """What came of the last test of the key. Keys are tested now and then by themselves."""
        return KeyCheckOut.model_validate(await keys.checked(me.tenant, account_id))

    @router.post("/{account_id}/key/check", status_code=202)
    async def test_key(me: Me, account_id: AccountId) -> KeyCheckOut:
        """Test the key at its exchange. The answer is what is known until then: look again."""
        return KeyCheckOut.model_validate(await keys.check(me.tenant, account_id))

    @router.delete("/{account_id}/key", status_code=204)
    async def revoke_key(me: Me, account_id: AccountId) -> None:
        """Forget it. Nothing is signed for this account any more."""
        await keys.revoke(me.tenant, account_id)

    return router
