"""Subscriptions: mirror a deployment's signals in one of your accounts, on your own terms."""

from decimal import Decimal
from typing import Annotated

from fastapi import APIRouter, Response
from pydantic import Field

from control_plane.core.ids import AccountId, DeploymentId, SubscriptionId
from control_plane.infra.db import Database
from control_plane.infra.http import Me
from control_plane.infra.http_match import IfMatch, tag
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.subscriptions import service, store
from control_plane.subscriptions.models import Sizing, State, Terms
from control_plane.subscriptions.service import Subscriptions

Share = Annotated[Decimal, Field(description="A share: 0.01 is 1 %.", examples=["0.01"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,10}$", examples=["USDT"])]


class TermsIn(Body):
    capital: Decimal = Field(examples=["5000"])
    capital_currency: Currency
    risk: Share = Decimal("0.01")
    leverage: Decimal = Field(Decimal(1), examples=["3"])
    sizing: Sizing = "fixed_risk"
    margin_currency: str = Field("", max_length=10, description="Futures: INR or USDT.")
    max_positions: int = 1
    max_daily_loss: Share | None = None
    max_notional: Decimal | None = Field(None, description="In the quote currency.")
    slippage: Share = Decimal("0.003")
    max_age_seconds: int = 60
    software_stop: bool = Field(
        False, description="Consent to a stop that stands only while Slipway runs."
    )

    def terms(self) -> Terms:
        return Terms(**{name: getattr(self, name) for name in TermsIn.model_fields})


class Subscribe(TermsIn):
    deployment_id: DeploymentId
    account_id: AccountId


class SubscriptionOut(Shape):
    id: str
    deployment_id: str
    account_id: str
    instrument: str
    state: State
    capital: Decimal
    capital_currency: str
    risk: Decimal
    leverage: Decimal
    sizing: Sizing
    margin_currency: str
    max_positions: int
    max_daily_loss: Decimal | None
    max_notional: Decimal | None
    slippage: Decimal
    max_age_seconds: int
    software_stop: bool
    version: int
    created_at: Moment = Field(validation_alias="created_ms")


def routes(subscriptions: Subscriptions, db: Database) -> APIRouter:
    router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

    @router.post("", status_code=201)
    async def subscribe(me: Me, body: Subscribe) -> SubscriptionOut:
        """Follow a deployment from now on, with this capital and this risk."""
        made = await subscriptions.subscribe(
            me.tenant, body.account_id, body.deployment_id, body.terms()
        )
        return SubscriptionOut.model_validate(made)

    @router.get("")
    async def list_subscriptions(
        me: Me,
        asked: Annotated[
            Asked, listing("deployment_id", "account_id", "instrument", state=State, sizing=Sizing)
        ],
    ) -> Items[SubscriptionOut]:
        """Your subscriptions."""
        found = await db.read(store.subscriptions_page, me.tenant, asked)
        return Items.page(SubscriptionOut, found)

    @router.get("/{subscription_id}")
    async def get_subscription(
        me: Me, subscription_id: SubscriptionId, response: Response
    ) -> SubscriptionOut:
        """One subscription."""
        found = await db.read(service.subscription, me.tenant, subscription_id)
        tag(response, found.version)
        return SubscriptionOut.model_validate(found)

    @router.put("/{subscription_id}/terms")
    async def change_terms(
        me: Me,
        subscription_id: SubscriptionId,
        body: TermsIn,
        expected: IfMatch,
        response: Response,
    ) -> SubscriptionOut:
        """New terms for what comes; what is under way keeps its own."""
        found = await subscriptions.alter(me.tenant, subscription_id, body.terms(), expected)
        tag(response, found.version)
        return SubscriptionOut.model_validate(found)

    @router.post("/{subscription_id}/pause")
    async def pause_subscription(me: Me, subscription_id: SubscriptionId) -> SubscriptionOut:
        """No entries from now on; exits and stops of what is open go on."""
        return SubscriptionOut.model_validate(await subscriptions.pause(me.tenant, subscription_id))

    @router.post("/{subscription_id}/resume")
    async def resume_subscription(me: Me, subscription_id: SubscriptionId) -> SubscriptionOut:
        """Follow again."""
        return SubscriptionOut.model_validate(
            await subscriptions.resume(me.tenant, subscription_id)
        )

    @router.post("/{subscription_id}/cancel")
    async def cancel_subscription(me: Me, subscription_id: SubscriptionId) -> SubscriptionOut:
        """End it for good. An open position is still looked after until it is closed."""
        return SubscriptionOut.model_validate(
            await subscriptions.cancel(me.tenant, subscription_id)
        )

    return router
