"""Deployments: run a version, look how it does, change what is wanted."""

from decimal import Decimal
from typing import Annotated, Any

from fastapi import APIRouter, Response
from pydantic import Field

from control_plane.core.ids import DeploymentId
from control_plane.deployments.models.status import Change, OnCrash, Order
from control_plane.deployments.service import Deployments
from control_plane.deployments.service.rehearsing import Action, Rehearsals
from control_plane.deployments.service.shadowing import Shadows
from control_plane.infra.http_callers import Me
from control_plane.infra.http_match import IfMatch, tag
from control_plane.infra.http_shapes import Body, Decoded, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked

Name = Annotated[str, Field(min_length=1, max_length=100, examples=["night shift"])]
Strategy = Annotated[str, Field(max_length=100, examples=["SMA cross"])]
Parameters = Annotated[dict[str, Any], Field(examples=[{"fast": 10, "slow": 30}])]
Memory = Annotated[int, Field(examples=[512])]
Cpus = Annotated[float, Field(examples=[0.5])]
MostLeverage = Annotated[
    Decimal, Field(description="No follower's entry is levered further.", examples=["5"])
]


class Deploy(Body):
    strategy: Strategy = Field(description="Its name or id, or the id of a version.")
    name: Name | None = None
    instrument: str | None = Field(None, max_length=60, examples=["fut:B-BTC_USDT"])
    resolution: str | None = Field(None, max_length=10, examples=["1m"])
    parameters: Parameters = Field(default_factory=dict)
    memory_mb: Memory | None = None
    cpus: Cpus | None = None
    on_crash: OnCrash = Field(
        "keep",
        description="What becomes of open positions once it is given up: they keep their stops, "
        "those on spot are closed, or all are.",
    )
    max_leverage: MostLeverage | None = None


class Alter(Body):
    """What is left out stays."""

    strategy: Strategy | None = None
    parameters: Parameters | None = None
    memory_mb: Memory | None = None
    cpus: Cpus | None = None
    on_crash: OnCrash | None = Field(None, description="Alone, it launches nothing anew.")
    max_leverage: MostLeverage | None = None


class Rehearse(Alter):
    action: Action = "change"


class PlanOut(Shape):
    """What the fleet would do, in order. Nothing of it was done."""

    steps: list[str]


class HappenedOut(Shape):
    number: int
    at: Moment = Field(validation_alias="at_ms")
    kind: str = Field(examples=["deployment_observed"])
    subject_id: str
    body: Decoded


class VitalOut(Shape):
    """What it used in one minute."""

    at: Moment = Field(validation_alias="minute_ms")
    generation: int
    cpus: float | None
    memory_bytes: int
    lag_ms: int
    loop_lag_ms: int
    waiting: int


class NodeOut(Shape):
    """A machine of the fleet, counted every ten seconds."""

    name: str = Field(examples=["node1"])
    launcher: str = Field(examples=["swarm"])
    state: str = Field(description="`ready`, or why it takes nothing.", examples=["ready"])
    cpus: float = Field(examples=[8.0])
    memory_mb: int = Field(examples=[16_384])
    promised_mb: int = Field(description="The sum of its containers' limits.", examples=[2_048])
    containers: int = Field(examples=[16])
    seen_at: Moment = Field(validation_alias="seen_ms")


class HintOut(Shape):
    """The limits that would do, by what was measured."""

    memory_mb: int
    cpus: float
    sentence: str


class VitalsOut(Shape):
    points: list[VitalOut]
    hint: HintOut | None = Field(description="Nothing before half an hour was seen.")


class DeploymentOut(Shape):
    id: str
    name: str
    strategy_id: str
    version_id: str
    instrument: str
    resolution: str
    resolutions: tuple[str, ...]
    ticks: bool
    parameters: dict[str, Any]
    memory_mb: int
    cpus: float
    launcher: str
    on_crash: str = Field(examples=["keep"])
    max_leverage: MostLeverage | None
    shadow_of: str | None = Field(
        description="The deployment that it decides beside, muted.", examples=[None]
    )
    draining: bool = Field(description="It takes no new position, and stops once its own is closed")
    desired: str = Field(examples=["running"])
    observed: str = Field(examples=["warming"])
    reason: str = Field(description="Why it stands as it does, for people.")
    observed_at: Moment = Field(validation_alias="observed_ms")
    generation: int = Field(description="Launches so far.")
    active_generation: int = Field(description="The one whose decisions count.")
    last_trigger: str | None
    revision: int = Field(description="Rises with each change of what is to run.")
    restarts: int
    created_at: Moment = Field(validation_alias="created_ms")
    started_at: Moment | None = Field(validation_alias="started_ms")
    beat_at: Moment | None = Field(validation_alias="beat_ms", description="Last heard of.")
    lag_ms: int | None = Field(description="From a candle's publication to the decision on it.")
    loop_lag_ms: int | None
    memory_bytes: int | None = Field(validation_alias="rss_bytes")
    peak_memory_bytes: int | None
    cpu_seconds: float | None
    waiting: int | None = Field(description="Frames without an acknowledgement.")
    dropped: int | None = Field(description="Notes dropped because there were too many.")


class DeploymentDetail(DeploymentOut):
    exit_code: int | None
    log_tail: str = Field(description="What its last process printed.")


FILTERS = ("name", "strategy_id", "version_id", "instrument", "resolution", "desired", "observed")


def routes(deployments: Deployments) -> APIRouter:
    router = APIRouter(prefix="/deployments", tags=["deployments"])

    @router.post("", status_code=201)
    async def deploy(me: Me, body: Deploy) -> DeploymentOut:
        """Run a strategy on an instrument, in a container of its own."""
        order = Order(**dict(body))
        return DeploymentOut.model_validate(await deployments.deploy(me.tenant, order))

    @router.get("")
    async def list_deployments(
        me: Me, asked: Annotated[Asked, listing(*FILTERS)]
    ) -> Items[DeploymentOut]:
        """Your deployments and how each does."""
        found = map(DeploymentOut.model_validate, await deployments.list(me.tenant))
        return Items.some(found, asked, at="created_at")

    @router.get("/{deployment_id}")
    async def get_deployment(
        me: Me, deployment_id: DeploymentId, response: Response
    ) -> DeploymentDetail:
        """One deployment, with what its last process printed."""
        found = await deployments.get(me.tenant, deployment_id)
        tag(response, found.revision)
        return DeploymentDetail.model_validate(found)

    @router.patch("/{deployment_id}")
    async def change_deployment(
        me: Me, deployment_id: DeploymentId, body: Alter, expected: IfMatch, response: Response
    ) -> DeploymentOut:
        """Another version, other parameters or limits: launched anew, keeping its state."""
        change = Change(**dict(body))
        found = await deployments.change(me.tenant, deployment_id, change, expected)
        tag(response, found.revision)
        return DeploymentOut.model_validate(found)

    @router.delete("/{deployment_id}", status_code=204)
    async def delete_deployment(me: Me, deployment_id: DeploymentId) -> None:
        """Stop it for good and take it off the list."""
        await deployments.delete(me.tenant, deployment_id)

    @router.post("/{deployment_id}/rollback")
    async def roll_back_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Back to the version that ran before, with the parameters that it ran with."""
        return DeploymentOut.model_validate(await deployments.roll_back(me.tenant, deployment_id))

    return router


def turn_routes(deployments: Deployments) -> APIRouter:
    """What is wanted of one that is there."""
    router = APIRouter(prefix="/deployments", tags=["deployments"])

    @router.post("/{deployment_id}/start")
    async def start_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Run it, also after it was given up: what went wrong before is forgiven."""
        return DeploymentOut.model_validate(await deployments.start(me.tenant, deployment_id))

    @router.post("/{deployment_id}/stop")
    async def stop_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Stop its container. Open positions keep their stops."""
        return DeploymentOut.model_validate(await deployments.stop(me.tenant, deployment_id))

    @router.post("/{deployment_id}/pause")
    async def pause_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Let it watch the market without deciding."""
        return DeploymentOut.model_validate(await deployments.pause(me.tenant, deployment_id))

    @router.post("/{deployment_id}/resume")
    async def resume_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Let it decide again."""
        return DeploymentOut.model_validate(await deployments.resume(me.tenant, deployment_id))

    @router.post("/{deployment_id}/drain")
    async def drain_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Take no new position; stop once its own is closed, at once if it holds none."""
        return DeploymentOut.model_validate(await deployments.drain(me.tenant, deployment_id))

    @router.post("/{deployment_id}/restart")
    async def restart_deployment(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Launch it anew, with its state; the new process takes over without a gap."""
        return DeploymentOut.model_validate(await deployments.restart(me.tenant, deployment_id))

    return router


def watching_routes(deployments: Deployments) -> APIRouter:
    """To look before one acts, and at what became of it."""
    router = APIRouter(prefix="/deployments", tags=["deployments"])
    rehearsals = Rehearsals(deployments)

    @router.post("/plan")
    async def plan_deployment(me: Me, body: Deploy) -> PlanOut:
        """What deploying this would do. Refuses what deploying would refuse."""
        return PlanOut(steps=await rehearsals.deploy(me.tenant, Order(**dict(body))))

    @router.post("/{deployment_id}/plan")
    async def plan_change(me: Me, deployment_id: DeploymentId, body: Rehearse) -> PlanOut:
        """What an action on it would do."""
        change = Change(
            body.strategy,
            body.parameters,
            body.memory_mb,
            body.cpus,
            body.on_crash,
            body.max_leverage,
        )
        steps = await rehearsals.act(me.tenant, deployment_id, body.action, change)
        return PlanOut(steps=steps)

    @router.get("/{deployment_id}/history")
    async def list_history(
        me: Me, deployment_id: DeploymentId, asked: Annotated[Asked, listing("kind")]
    ) -> Items[HappenedOut]:
        """Each state that it was in and why, newest first."""
        return Items.page(HappenedOut, await deployments.history(me.tenant, deployment_id, asked))

    @router.get("/{deployment_id}/vitals")
    async def get_vitals(me: Me, deployment_id: DeploymentId) -> VitalsOut:
        """A day of what it used, minute by minute, and the limits that this asks for."""
        points, hint = await deployments.vitals(me.tenant, deployment_id)
        return VitalsOut(
            points=[VitalOut.model_validate(point) for point in points],
            hint=None if hint is None else HintOut.model_validate(hint),
        )

    return router


def shadow_routes(deployments: Deployments) -> APIRouter:
    """A new version beside the old one, before anybody acts on it."""
    router = APIRouter(prefix="/deployments", tags=["deployments"])
    shadows = Shadows(deployments)

    @router.post("/{deployment_id}/shadow", status_code=201)
    async def begin_shadow(me: Me, deployment_id: DeploymentId, body: Alter) -> DeploymentOut:
        """Run another version, parameters or limits beside it; nobody acts on what it signals."""
        found = await shadows.begin(me.tenant, deployment_id, Change(**dict(body)))
        return DeploymentOut.model_validate(found)

    @router.post("/{deployment_id}/shadow/promote")
    async def promote_shadow(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Let the deployment run what its shadow runs; the shadow ends."""
        return DeploymentOut.model_validate(await shadows.promote(me.tenant, deployment_id))

    @router.delete("/{deployment_id}/shadow", status_code=204)
    async def end_shadow(me: Me, deployment_id: DeploymentId) -> None:
        """End the shadow; the deployment goes on as it is."""
        await shadows.end(me.tenant, deployment_id)

    return router


def event_routes(deployments: Deployments) -> APIRouter:
    router = APIRouter(prefix="/fleet", tags=["deployments"])

    @router.get("/nodes")
    async def list_nodes(
        me: Me, asked: Annotated[Asked, listing("state", by_name=True)]
    ) -> Items[NodeOut]:
        """The machines that strategies run on, and what they have to spare."""
        shown = [NodeOut.model_validate(row) for row in await deployments.machines()]
        return Items.some(shown, asked, by="name")

    @router.get("/events")
    async def list_fleet_events(
        me: Me, asked: Annotated[Asked, listing("kind", "subject_id")]
    ) -> Items[HappenedOut]:
        """What happened to all of your deployments, newest first."""
        return Items.page(HappenedOut, await deployments.history(me.tenant, None, asked))

    return router
