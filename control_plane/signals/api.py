"""What strategies thought: signals, executions, and what their authors log."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import Field
from sqlalchemy import Row

from control_plane.core.ids import DeploymentId, Tenant
from control_plane.deployments import service as deployments
from control_plane.deployments.service.shadowing import shadowed
from control_plane.errors import Forbidden, Missing
from control_plane.infra import wall
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_callers import Me
from control_plane.infra.http_shapes import Items, Moment, Shape, listing
from control_plane.infra.paging import Asked, Found
from control_plane.signals.service import comparing, watching
from control_plane.signals.store import lists


class SignalOut(Shape):
    id: str = Field(examples=["sgq3v5m2k7a4c6d8e2f4h6j2k4"])
    deployment_id: str
    instrument: str = Field(examples=["spot:B-BTC_USDT"])
    trigger: str = Field(examples=["5m:1767571200000"])
    kind: str = Field(examples=["entry"])
    action: str = Field(examples=["LONG"])
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reason: str
    state: str = Field(examples=["planned"])
    refusal: str | None
    generation: int
    decided_at: Moment = Field(validation_alias="decided_ms")
    accepted_at: Moment = Field(validation_alias="accepted_ms")
    planned_at: Moment | None = Field(validation_alias="planned_ms")


class ExecutionOut(Shape):
    trigger: str
    outcome: str = Field(examples=["signal"], description="signal, none, failed or skipped")
    generation: int
    run: str
    took_us: int
    error: str | None
    decided_at: Moment = Field(validation_alias="decided_ms")
    committed_at: Moment = Field(validation_alias="committed_ms")


class LogLineOut(Shape):
    at: Moment = Field(validation_alias="at_ms")
    level: str
    text: str
    generation: int


class LineOut(Shape):
    at: Moment = Field(validation_alias="at_ms")
    source: str = Field(examples=["output"], description="author (self.log) or output (printed)")
    level: str
    generation: int
    text: str


class LinesOut(Shape):
    """Oldest first; `cursor` asks for what comes after the last one."""

    lines: list[LineOut]
    cursor: str


class ThoughtOut(Shape):
    action: str = Field(examples=["LONG"])
    stop_loss: str | None = Field(examples=["42000"])
    take_profit: str | None = Field(examples=["46000"])


class DecidedOut(Shape):
    outcome: str = Field(examples=["signal"])
    signals: list[ThoughtOut]
    error: str | None = Field(examples=[None])


class DifferenceOut(Shape):
    trigger: str = Field(examples=["5m:1767571200000"])
    decided_at: Moment = Field(validation_alias="decided_ms")
    ours: DecidedOut
    shadow: DecidedOut


class ComparisonOut(Shape):
    """A deployment and the shadow beside it, on the newest triggers that both decided."""

    shadow_id: str = Field(examples=["dpq3v5m2k7a4c6d8e2f4h6j2k4"])
    version_id: str = Field(description="What the shadow runs.", examples=["9f2c41d07b35"])
    observed: str = Field(examples=["running"])
    reason: str = Field(examples=[""])
    compared: int = Field(examples=[240])
    same: int = Field(examples=[238])
    differences: list[DifferenceOut] = Field(description="Newest first.")


class BerthOut(Shape):
    """One container of the fleet, as an operator looks at it."""

    id: str
    tenant: str
    name: str
    instrument: str
    resolution: str
    desired: str
    draining: bool
    shadow_of: str | None = Field(examples=[None])
    observed: str
    reason: str
    launcher: str
    generation: int
    active_generation: int
    restarts: int
    signals: int
    last_trigger: str | None
    lag_ms: int | None
    loop_lag_ms: int | None
    cpus: float
    cpus_used: float | None = Field(description="On average in the last minutes.")
    cpu_seconds: float | None
    memory_mb: int
    memory_bytes: int | None = Field(validation_alias="rss_bytes")
    observed_at: Moment = Field(validation_alias="observed_ms")
    created_at: Moment = Field(validation_alias="created_ms")
    started_at: Moment | None = Field(validation_alias="started_ms")
    beat_at: Moment | None = Field(validation_alias="beat_ms")


After = Annotated[str | None, Query(max_length=40, description="The cursor of the answer before")]
Grep = Annotated[str | None, Query(max_length=200, description="Only lines with this text")]
Most = Annotated[int, Query(ge=1, le=500)]


def routes(db: Database) -> APIRouter:
    router = APIRouter(tags=["signals"])

    @router.get("/signals")
    async def list_signals(
        me: Me,
        asked: Annotated[
            Asked, listing("deployment_id", "instrument", "trigger", "kind", "action", "state")
        ],
    ) -> Items[SignalOut]:
        """Entries and exits, with what became of each."""
        found = await db.read(lists.signals_page, me.tenant, asked)
        return Items.page(SignalOut, found)

    @router.get("/signals/{signal_id}")
    async def get_signal(me: Me, signal_id: str) -> SignalOut:
        """One signal."""
        return SignalOut.model_validate(await db.read(_signal, me.tenant, signal_id))

    @router.get("/deployments/{deployment_id}/executions")
    async def list_executions(
        me: Me,
        deployment_id: DeploymentId,
        asked: Annotated[Asked, listing("trigger", "outcome", "run", generation=int)],
    ) -> Items[ExecutionOut]:
        """Each decision of a deployment: on which trigger, what came of it, how long it took."""
        found = await db.read(_executions, me.tenant, deployment_id, asked)
        return Items.page(ExecutionOut, found)

    @router.get("/deployments/{deployment_id}/logs")
    async def list_log_lines(
        me: Me,
        deployment_id: DeploymentId,
        asked: Annotated[Asked, listing("level", generation=int)],
    ) -> Items[LogLineOut]:
        """What the strategy's author wrote with self.log, newest first."""
        found = await db.read(_log_lines, me.tenant, deployment_id, asked)
        return Items.page(LogLineOut, found)

    @router.get("/deployments/{deployment_id}/lines")
    async def follow_lines(
        me: Me,
        deployment_id: DeploymentId,
        source: watching.Source = "all",
        grep: Grep = None,
        after: After = None,
        limit: Most = 100,
    ) -> LinesOut:
        """What its author logs and what its process prints, to be followed with a cursor."""
        found = await db.read(_lines, me.tenant, deployment_id, source, grep, after, limit)
        return LinesOut.model_validate(found)

    @router.get("/deployments/{deployment_id}/shadow")
    async def compare_shadow(me: Me, deployment_id: DeploymentId) -> ComparisonOut:
        """What its shadow decided otherwise."""
        return await db.read(_compared, me.tenant, deployment_id)

    @router.get("/fleet")
    async def list_fleet(
        me: Me,
        asked: Annotated[Asked, listing("name", "instrument", "desired", "observed")],
        everybody: bool | None = None,
    ) -> Items[BerthOut]:
        """Your containers, for an admin everybody's: how each stands and what it uses."""
        if everybody and not me.is_admin:
            raise Forbidden("Only an admin sees everybody's containers.", field="everybody")
        is_for_all = me.is_admin if everybody is None else everybody
        with wall.acting_for(wall.EVERYBODY if is_for_all else me.tenant):
            rows = await db.read(watching.fleet, None if is_for_all else me.tenant)
        return Items.some(map(BerthOut.model_validate, rows), asked, at="created_at")

    return router


def _lines(
    tx: Tx,
    tenant: Tenant,
    deployment: DeploymentId,
    source: watching.Source,
    grep: str | None,
    after: str | None,
    limit: int,
) -> watching.Lines:
    _check_owner(tx, tenant, deployment)
    return watching.lines(tx, deployment, source=source, grep=grep, after=after, limit=limit)


def _compared(tx: Tx, tenant: Tenant, deployment: DeploymentId) -> ComparisonOut:
    found, shadow = shadowed(tx, deployment, tenant)
    compared = comparing.compare(tx, found.id, shadow.id)
    return ComparisonOut(
        shadow_id=shadow.id,
        version_id=shadow.version_id,
        observed=shadow.observed,
        reason=shadow.reason,
        compared=compared.compared,
        same=compared.same,
        differences=[DifferenceOut.model_validate(one) for one in compared.differences],
    )


def _signal(tx: Tx, tenant: Tenant, identity: str) -> Row[Any]:
    found = lists.signal_of(tx, tenant, identity)
    if found is None:
        raise Missing(
            f"There is no signal {identity!r}.",
            field="signal_id",
            remedy="GET /api/v1/signals lists yours.",
        )
    return found


def _executions(tx: Tx, tenant: Tenant, deployment: DeploymentId, asked: Asked) -> Found:
    _check_owner(tx, tenant, deployment)
    return lists.executions_page(tx, deployment, asked)


def _log_lines(tx: Tx, tenant: Tenant, deployment: DeploymentId, asked: Asked) -> Found:
    _check_owner(tx, tenant, deployment)
    return lists.log_lines_page(tx, deployment, asked)


def _check_owner(tx: Tx, tenant: Tenant, deployment: DeploymentId) -> None:
    found = deployments.standings(tx, [deployment]).get(deployment)
    if found is None or found.tenant != tenant:
        raise Missing(
            f"There is no deployment {deployment!r}.",
            field="deployment_id",
            remedy="GET /api/v1/deployments lists yours.",
        )
