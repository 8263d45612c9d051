"""Subscriptions: mirror a deployment's signals in one of your accounts, on your own terms."""

from dataclasses import fields
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Response
from pydantic import AwareDatetime, Field

from control_plane.core.clock import ms
from control_plane.core.ids import AccountId, DeploymentId, SubscriptionId
from control_plane.infra.db import Database
from control_plane.infra.http_callers import Me
from control_plane.infra.http_match import IfMatch, tag
from control_plane.infra.http_shapes import Body, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.subscriptions import service, store
from control_plane.subscriptions.models import (
    Opposite,
    Positions,
    Sizing,
    State,
    Subscription,
    Terms,
)
from control_plane.subscriptions.service import Standing, Subscriptions

Share = Annotated[Decimal, Field(description="A share: 0.01 is 1 %.", examples=["0.01"])]
Currency = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,10}$", examples=["USDT"])]

Symbols = Annotated[
    tuple[Annotated[str, Field(min_length=1, max_length=60)], ...],
    Field(max_length=100, examples=[["BTC", "fut:B-ETH_USDT"]]),
]


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
    opposite: Opposite = Field(
        "skip",
        description="What an entry does to a position of the other side: nothing, or it closes it.",
    )
    symbols_allowed: Symbols = Field(
        (),
        description="Instruments or base currencies that may be entered; none is all.",
        examples=[["BTC", "fut:B-ETH_USDT"]],
    )
    symbols_denied: Symbols = Field(
        (), description="Those that may not, whatever else is allowed.", examples=[["DOGE"]]
    )

    def terms(self) -> Terms:
        return Terms(**{name: getattr(self, name) for name in TermsIn.model_fields})


class Subscribe(TermsIn):
    deployment_id: DeploymentId
    account_id: AccountId


class PauseIn(Body):
    until: AwareDatetime | None = Field(
        None,
        description="It goes on by itself then; none is until you resume it.",
        examples=["2026-01-06T09:30:00Z"],
    )


class CancelIn(Body):
    positions: Literal["keep", "close"] = Field(
        "keep",
        description="Open ones keep their stops and the strategy's exits, or are closed now.",
    )


class LeverageOut(Shape):
    """The least counts; a larger position's tier may lower it further."""

    subscription: Decimal = Field(examples=["5"])
    deployment: Decimal | None = Field(description="Its author's ceiling.", examples=["3"])
    instrument: Decimal = Field(examples=["20"])
    effective: Decimal = Field(examples=["3"])


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
    opposite: Opposite
    symbols_allowed: tuple[str, ...] = Field(examples=[[]])
    symbols_denied: tuple[str, ...] = Field(examples=[["DOGE"]])
    paused_until: Moment | None = Field(validation_alias="paused_until_ms")
    positions: Positions = Field(
        description="What becomes of open ones once it is cancelled, or that they are closed."
    )
    version: int
    created_at: Moment = Field(validation_alias="created_ms")


class SubscriptionDetail(SubscriptionOut):
    levered_by: LeverageOut


SHOWN = tuple(field.name for field in fields(Subscription))


class SubscriptionVersionOut(Shape):
    """The subscription as it stood from this change to the next."""

    version: int = Field(examples=[2])
    changed_at: Moment = Field(validation_alias="changed_ms")
    changed_by: str = Field(examples=["ann@example.com"])
    changed: tuple[str, ...] = Field(
        description="What differs from the version before.", examples=[["risk"]]
    )
    terms: dict[str, Any] = Field(
        validation_alias="body",
        examples=[{"capital": "5000", "capital_currency": "USDT", "risk": "0.02"}],
    )


def detail(found: Standing) -> SubscriptionDetail:
    shown = {name: getattr(found.subscription, name) for name in SHOWN}
    return SubscriptionDetail.model_validate({**shown, "levered_by": found.leverage})


def routes(subscriptions: Subscriptions, db: Database) -> APIRouter:
    router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

    @router.post("", status_code=201)
    async def subscribe(me: Me, body: Subscribe) -> SubscriptionDetail:
        """Follow a deployment from now on, with this capital and this risk. What could never trade
        is refused, with what would do.
        """
        made = await subscriptions.subscribe(
            me.tenant, body.account_id, body.deployment_id, body.terms(), by=me.name
        )
        return detail(made)

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
    ) -> SubscriptionDetail:
        """One subscription, and whose word its leverage is."""
        found = await subscriptions.get(me.tenant, subscription_id)
        tag(response, found.subscription.version)
        return detail(found)

    @router.get("/{subscription_id}/versions")
    async def list_subscription_versions(
        me: Me, subscription_id: SubscriptionId, asked: Annotated[Asked, listing("changed_by")]
    ) -> Items[SubscriptionVersionOut]:
        """Each change of it: who made it, when, and what it was."""
        found = await db.read(service.versions_page, me.tenant, subscription_id, asked)
        return Items.page(SubscriptionVersionOut, found)

    return router


def change_routes(subscriptions: Subscriptions) -> APIRouter:
    """Each change is a version of its own."""
    router = APIRouter(prefix="/subscriptions", tags=["subscriptions"])

    @router.put("/{subscription_id}/terms")
    async def change_terms(
        me: Me,
        subscription_id: SubscriptionId,
        body: TermsIn,
        expected: IfMatch,
        response: Response,
    ) -> SubscriptionDetail:
        """New terms for what comes; what is under way keeps its own."""
        found = await subscriptions.alter(
            me.tenant, subscription_id, body.terms(), expected, by=me.name
        )
        tag(response, found.subscription.version)
        return detail(found)

    @router.post("/{subscription_id}/pause")
    async def pause_subscription(
        me: Me, subscription_id: SubscriptionId, body: PauseIn | None = None
    ) -> SubscriptionDetail:
        """No entries from now on, or until a moment; exits and stops of what is open go on."""
        until = None if body is None or body.until is None else ms(body.until)
        found = await subscriptions.pause(me.tenant, subscription_id, until, by=me.name)
        return detail(found)

    @router.post("/{subscription_id}/resume")
    async def resume_subscription(me: Me, subscription_id: SubscriptionId) -> SubscriptionDetail:
        """Follow again."""
        return detail(await subscriptions.resume(me.tenant, subscription_id, by=me.name))

    @router.post("/{subscription_id}/cancel")
    async def cancel_subscription(
        me: Me, subscription_id: SubscriptionId, body: CancelIn | None = None
    ) -> SubscriptionDetail:
        """End it for good. An open position is looked after until its stop, its target or the
        strategy closes it; or it is closed now.
        """
        positions = "keep" if body is None else body.positions
        found = await subscriptions.cancel(me.tenant, subscription_id, positions, by=me.name)
        return detail(found)

    return router
