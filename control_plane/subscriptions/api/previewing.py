"""What terms would have done, before one subscribes and after; and how many the exchange serves."""

from collections import Counter
from decimal import Decimal
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query
from pydantic import Field

from control_plane.core.ids import DeploymentId, SubscriptionId
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Moment, Shape
from control_plane.subscriptions.api import LeverageOut, Subscribe
from control_plane.subscriptions.models.previewing import total
from control_plane.subscriptions.service import Preview, Previewer, Room

MOST_SIGNALS = 200
Signals = Annotated[int, Query(ge=1, le=MOST_SIGNALS, description="At how many of the last ones")]


class SmallestOut(Shape):
    """The least that can be ordered at the last price, and the capital that reaches it."""

    quantity: Decimal = Field(examples=["0.0001"])
    value: Decimal = Field(examples=["6.5"])
    capital: Decimal = Field(
        description="In the capital's currency, by leverage alone.", examples=["6.5"]
    )


class CapacityOut(Shape):
    """Calls that entries may use × age limit × addresses ÷ calls of an entry until it is safe."""

    calls_per_minute: int = Field(description="Of one address, for entries.", examples=[672])
    calls_per_entry: int = Field(examples=[4])
    max_age_seconds: int = Field(examples=[60])
    addresses: int = Field(examples=[1])
    per_address: int = Field(description="Live subscribers served in time.", examples=[168])
    in_all: int = Field(examples=[168])
    following: int = Field(
        description="Live ones behind the same address; without an account, the fullest.",
        examples=[12],
    )


class LineOut(Shape):
    signal_id: str = Field(validation_alias="signal")
    at: Moment = Field(validation_alias="at_ms")
    kind: Literal["entry", "exit"]
    side: str = Field(examples=["LONG"])
    price: Decimal
    did: Literal["enter", "leave", "skip"]
    quantity: Decimal | None
    value: Decimal | None = Field(description="In the quote currency.", examples=["4030"])
    loss: Decimal | None = Field(description="At its stop, with fees.", examples=["50"])
    leverage: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reason: str | None = Field(
        description="Why it would have been skipped.", examples=["too_small"]
    )
    detail: dict[str, str] | None = Field(examples=[{"capital_needed": "120"}])
    ended_by: Literal["signal", "stop", "target"] | None
    result: Decimal | None = Field(
        description="An estimate: at the prices of signals, stop and target, after fees.",
        examples=["12.4"],
    )


class PreviewOut(Shape):
    """As if all of the capital were free, and nothing were halted, late or used up."""

    instrument: str
    quote: str
    levered_by: LeverageOut
    smallest: SmallestOut | None = Field(description="None while nothing says what it costs.")
    capacity: CapacityOut | None = Field(description="None on paper: it has no limits.")
    entries: int = Field(examples=[3])
    exits: int = Field(examples=[2])
    skips: dict[str, int] = Field(examples=[{"too_small": 1}])
    result: Decimal = Field(description="Of what has ended.", examples=["12.4"])
    lines: list[LineOut]


def preview_routes(previews: Previewer) -> APIRouter:
    router = APIRouter(tags=["subscriptions"])

    @router.post("/subscriptions/preview")
    async def preview_subscription(me: Me, body: Subscribe, signals: Signals = 20) -> PreviewOut:
        """What subscribing on these terms would have done at the deployment's last signals. Refuses
        what subscribing would refuse.
        """
        found = await previews.ahead(
            me.tenant, body.account_id, body.deployment_id, body.terms(), signals
        )
        return _shown(found)

    @router.get("/subscriptions/{subscription_id}/preview")
    async def get_preview(
        me: Me, subscription_id: SubscriptionId, signals: Signals = 20
    ) -> PreviewOut:
        """What the terms of today would have done at the last signals."""
        return _shown(await previews.of(me.tenant, subscription_id, signals))

    @router.get("/deployments/{deployment_id}/capacity")
    async def get_capacity(
        _me: Me,
        deployment_id: DeploymentId,
        max_age_seconds: Annotated[int, Query(ge=1, le=3_600)] = 60,
    ) -> CapacityOut:
        """How many live subscribers of one signal CoinDCX's limits serve in time, and how many
        there are.
        """
        found = await previews.room(deployment_id, "coindcx", max_age_seconds)
        return _capacity(found)

    return router


def _shown(found: Preview) -> PreviewOut:
    skipped = Counter(line.reason for line in found.lines if line.reason is not None)
    done = Counter(line.did for line in found.lines)
    shown: dict[str, Any] = {
        "instrument": found.instrument.id,
        "quote": found.instrument.quote,
        "levered_by": found.leverage,
        "smallest": found.smallest,
        "capacity": None if found.room is None else _capacity(found.room),
        "entries": done["enter"],
        "exits": done["leave"],
        "skips": dict(skipped),
        "result": total(found.lines),
        "lines": found.lines,
    }
    return PreviewOut.model_validate(shown)


def _capacity(room: Room) -> CapacityOut:
    limits = room.capacity
    return CapacityOut(
        calls_per_minute=limits.calls_per_minute,
        calls_per_entry=limits.calls_per_entry,
        max_age_seconds=room.age_ms // 1000,
        addresses=len(limits.addresses),
        per_address=room.in_time,
        in_all=room.in_time * len(limits.addresses),
        following=room.following,
    )
