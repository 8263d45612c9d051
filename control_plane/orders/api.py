"""What came of signals in each account: intents, skips, orders, fills, trades; and halts."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from control_plane.core.ids import (
    IntentId,
    SignalId,
    Tenant,
    TradeId,
)
from control_plane.errors import Missing
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_callers import Admin, Me
from control_plane.infra.http_shapes import Body, Decoded, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked
from control_plane.orders.models.halts import Mode
from control_plane.orders.models.trades import TradeState
from control_plane.orders.service import checking, explaining, reading
from control_plane.orders.service.by_hand import Hands
from control_plane.orders.service.halting import Halts
from control_plane.orders.store import lists


class IntentOut(Shape):
    id: str
    signal_id: str | None
    subscription_id: str
    account_id: str
    deployment_id: str
    instrument: str
    leg: str = Field(examples=["entry"])
    side: str = Field(examples=["buy"])
    quantity: Decimal
    filled: Decimal
    limit_price: Decimal | None
    stop_loss: Decimal | None
    take_profit: Decimal | None
    leverage: Decimal
    state: str = Field(examples=["FILLED"])
    reason: str | None
    planned_at: Moment = Field(validation_alias="planned_ms")
    done_at: Moment | None = Field(validation_alias="done_ms")


class IntentDetail(IntentOut):
    explain: Decoded = Field(description="Everything that the quantity was computed from.")
    risk: Decoded = Field(description="The risk decision that let it out.")


class SkipOut(Shape):
    signal_id: str
    subscription_id: str
    instrument: str
    reason: str = Field(examples=["too_small"])
    detail: Decoded
    at: Moment = Field(validation_alias="at_ms")


class OrderOut(Shape):
    id: str
    intent_id: str
    account_id: str
    instrument: str
    client_order_id: str
    exchange_order_id: str | None
    side: str
    kind: str = Field(examples=["limit"])
    quantity: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    filled: Decimal
    state: str = Field(examples=["FILLED"])
    reason: str | None
    sent_at: Moment = Field(validation_alias="signed_ms")
    done_at: Moment | None = Field(validation_alias="done_ms")


class FillOut(Shape):
    account_id: str
    exchange_fill_id: str
    order_id: str
    trade_id: str | None
    instrument: str
    side: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at: Moment = Field(validation_alias="at_ms")


class HaltIn(Body):
    scope: str = Field(
        max_length=120,
        description="platform, or venue:, deployment:, user:, account: or instrument: and a name.",
        examples=["deployment:dpq3v5m2k7a4c6d8e2"],
    )
    mode: Mode = "halt_new"
    reason: str = Field("", max_length=300, examples=["The feed looks wrong."])


class LiftIn(Body):
    scope: str = Field(max_length=120)


class HaltedOut(Shape):
    scope: str
    denied: int = Field(description="Orders that had not left yet and never will.")


class HaltOut(Shape):
    scope: str
    mode: str
    active: bool
    reason: str
    by_user: str
    cause: str = Field(
        description="Of one that nobody ordered: refused, doubt, books and rush wait for a person, "
        "clock and stale lift themselves once they are over.",
        examples=[""],
    )
    open_trades: int = Field(
        description="Positions in this scope that are not closed yet.", examples=[0]
    )
    at: Moment = Field(validation_alias="at_ms")


class AlarmOut(Shape):
    rule: str = Field(
        description="Of an invariant; or why it was halted by itself.", examples=["I5"]
    )
    subject: str = Field(examples=["tdq3v5m2k7a4c6d8e2f4h6j2k4"])
    what: str = Field(examples=["no stop is confirmed since 26000 ms"])
    since: Moment = Field(validation_alias="since_ms")


class AskedOut(Shape):
    command: str = Field(
        description="It is carried out by the trading role, within a second or so.",
        examples=["cmdq3v5m2k7a4c6d8e2"],
    )


class ResolveIn(Body):
    exchange_order_id: str | None = Field(
        None,
        max_length=80,
        description="The order that you found; none if there is none.",
        examples=["815052513"],
    )


class TimelineOut(Shape):
    signal: str = Field(examples=["sgq3v5m2k7a4c6d8e2f4h6j2k4"])
    candle_closed: Moment | None = Field(
        validation_alias="candle_closed_ms", description="By the market's clock."
    )
    published: Moment = Field(validation_alias="published_ms")
    decided: Moment = Field(validation_alias="decided_ms")
    accepted: Moment = Field(validation_alias="accepted_ms")
    planned: Moment = Field(validation_alias="planned_ms")
    planning_took_us: int = Field(examples=[2400])
    intents: int = Field(examples=[40])
    skips: int = Field(examples=[2])
    first_sent: Moment | None = Field(validation_alias="first_sent_ms")
    last_sent: Moment | None = Field(validation_alias="last_sent_ms")
    first_acknowledged: Moment | None = Field(validation_alias="first_acknowledged_ms")
    last_acknowledged: Moment | None = Field(validation_alias="last_acknowledged_ms")
    last_protected: Moment | None = Field(validation_alias="last_protected_ms")


class TradeOut(Shape):
    id: str
    subscription_id: str
    account_id: str
    deployment_id: str
    instrument: str
    side: str = Field(examples=["LONG"])
    state: str = Field(examples=["protected"])
    quantity: Decimal
    entered: Decimal
    exited: Decimal
    entry_value: Decimal
    exit_value: Decimal
    fees: Decimal
    pnl: Decimal | None = Field(description="Realised, after fees; none while it is open.")
    currency: str
    stop_loss: Decimal | None
    take_profit: Decimal | None
    exit_reason: str | None
    opened_at: Moment = Field(validation_alias="opened_ms")
    closed_at: Moment | None = Field(validation_alias="closed_ms")


FILTERS = ("account_id", "instrument")


def routes(db: Database) -> APIRouter:
    router = APIRouter(tags=["orders"])

    @router.get("/intents")
    async def list_intents(
        me: Me,
        asked: Annotated[Asked, listing(*FILTERS, "signal_id", "deployment_id", "leg", "state")],
    ) -> Items[IntentOut]:
        """What we mean to do, or did, in your accounts."""
        return Items.page(IntentOut, await db.read(lists.intents_page, me.tenant, asked))

    @router.get("/intents/{intent_id}")
    async def get_intent(me: Me, intent_id: IntentId) -> IntentDetail:
        """One intent, with the record that recomputes its quantity."""
        return IntentDetail.model_validate(await db.read(_intent, me.tenant, intent_id))

    @router.get("/skips")
    async def list_skips(
        me: Me,
        asked: Annotated[Asked, listing("signal_id", "subscription_id", "instrument", "reason")],
    ) -> Items[SkipOut]:
        """Why a subscription did nothing at a signal."""
        return Items.page(SkipOut, await db.read(lists.skips_page, me.tenant, asked))

    @router.get("/orders")
    async def list_orders(
        me: Me, asked: Annotated[Asked, listing(*FILTERS, "intent_id", "side", "kind", "state")]
    ) -> Items[OrderOut]:
        """What the exchange was asked."""
        return Items.page(OrderOut, await db.read(lists.orders_page, me.tenant, asked))

    @router.get("/fills")
    async def list_fills(
        me: Me, asked: Annotated[Asked, listing(*FILTERS, "order_id", "trade_id", "side")]
    ) -> Items[FillOut]:
        """What the exchange did."""
        return Items.page(FillOut, await db.read(lists.fills_page, me.tenant, asked))

    @router.get("/trades")
    async def list_trades(
        me: Me,
        asked: Annotated[
            Asked,
            listing(*FILTERS, "subscription_id", "deployment_id", "side", state=TradeState),
        ],
    ) -> Items[TradeOut]:
        """Positions from flat to flat, with what they came to."""
        return Items.page(TradeOut, await db.read(lists.trades_page, me.tenant, asked))

    return router


def story_routes(db: Database, hands: Hands) -> APIRouter:
    """What became of one thing, and what a person decides about it."""
    router = APIRouter(tags=["orders"])

    @router.get("/intents/{intent_id}/story")
    async def intent_story(me: Me, intent_id: IntentId) -> dict[str, Any]:
        """All that led to an intent and came of it: code, candle, signal, sizing, risk decision,
        requests and replies, look-ups, fills, profit.
        """
        found = await db.read(explaining.story, me.tenant, intent_id)
        if found is None:
            raise no_intent(intent_id)
        return found

    @router.post("/intents/{intent_id}/resolve", status_code=202)
    async def resolve_intent(me: Admin, intent_id: IntentId, body: ResolveIn) -> AskedOut:
        """Say what you found out about a quarantined order: which one it is, or that there is
        none.
        """
        asked = await hands.resolve(intent_id, body.exchange_order_id, me.name)
        return AskedOut(command=asked)

    @router.post("/trades/{trade_id}/close", status_code=202)
    async def close_trade(me: Me, trade_id: TradeId) -> AskedOut:
        """Leave this position now, whatever its strategy says."""
        return AskedOut(command=await hands.close_trade(me.tenant, trade_id))

    @router.get("/signals/{signal_id}/timeline")
    async def signal_timeline(me: Me, signal_id: SignalId) -> TimelineOut:
        """When each step of a signal happened, over all accounts."""
        found = await db.read(explaining.times, me.tenant, signal_id)
        if found is None:
            raise Missing(f"{signal_id!r} is not planned, or not yours.", field="signal_id")
        return TimelineOut.model_validate(found)

    return router


def _intent(tx: Tx, tenant: Tenant, identity: IntentId) -> dict[str, Any]:
    found = reading.intent(tx, tenant, identity)
    if found is None:
        raise no_intent(identity)
    return found


def no_intent(identity: IntentId) -> Missing:
    return Missing(
        f"There is no intent {identity!r}.",
        field="intent_id",
        remedy="GET /api/v1/intents lists yours.",
    )


def alarm_routes(db: Database) -> APIRouter:
    router = APIRouter(tags=["halts"])

    @router.get("/alarms")
    async def list_alarms(
        _me: Admin, asked: Annotated[Asked, listing("rule", "subject")]
    ) -> Items[AlarmOut]:
        """What must always hold and does not now."""
        found = map(AlarmOut.model_validate, await db.read(checking.alarms))
        return Items.some(found, asked, at="since", by="subject")

    return router


def halt_routes(halts: Halts) -> APIRouter:
    router = APIRouter(prefix="/halts", tags=["halts"])

    @router.get("")
    async def list_halts(
        _me: Admin, asked: Annotated[Asked, listing("scope", "mode", "by_user", active=bool)]
    ) -> Items[HaltOut]:
        """Every halt there was, and whether it stands."""
        found = map(HaltOut.model_validate, await halts.listed())
        return Items.some(found, asked, at="at", by="scope")

    @router.post("", status_code=201)
    async def halt(me: Admin, body: HaltIn) -> HaltedOut:
        """Refuse entries in this scope from now on; `reduce_only` also takes back what is left of
        entries that rest, `flatten` also closes what is held. Exits and stops always go.
        """
        done = await halts.halt(body.scope, by_user=me.name, reason=body.reason, mode=body.mode)
        return HaltedOut.model_validate(done)

    @router.post("/lift", status_code=204)
    async def lift_halt(me: Admin, body: LiftIn) -> None:
        """Let entries in this scope go again."""
        await halts.unhalt(body.scope, by_user=me.name)

    return router
