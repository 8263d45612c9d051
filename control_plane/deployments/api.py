"""Deployments: run a version, look how it does, change what is wanted."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import Field

from control_plane.core.ids import DeploymentId
from control_plane.deployments.models.status import Change, Order
from control_plane.deployments.service import Deployments
from control_plane.infra.http import Me
from control_plane.infra.http_shapes import Body, Items, Moment, Shape

Name = Annotated[str, Field(min_length=1, max_length=100, examples=["night shift"])]
Strategy = Annotated[str, Field(max_length=100, examples=["SMA cross"])]
Parameters = Annotated[dict[str, Any], Field(examples=[{"fast": 10, "slow": 30}])]
Memory = Annotated[int, Field(examples=[512])]
Cpus = Annotated[float, Field(examples=[0.5])]


class Deploy(Body):
    strategy: Strategy = Field(description="Its name or id, or the id of a version.")
    name: Name | None = None
    instrument: str | None = Field(None, max_length=60, examples=["fut:B-BTC_USDT"])
    resolution: str | None = Field(None, max_length=10, examples=["1m"])
    parameters: Parameters = Field(default_factory=dict)
    memory_mb: Memory | None = None
    cpus: Cpus | None = None


class Alter(Body):
    """What is left out stays."""

    strategy: Strategy | None = None
    parameters: Parameters | None = None
    memory_mb: Memory | None = None
    cpus: Cpus | None = None


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
    desired: str = Field(examples=["running"])
    observed: str = Field(examples=["warming"])
    reason: str = Field(description="Why it stands as it does, for people.")
    observed_at: Moment = Field(validation_alias="observed_ms")
    generation: int = Field(description="Launches so far.")
    active_generation: int = Field(description="The one whose decisions count.")
    last_trigger: str | None
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


def routes(deployments: Deployments) -> APIRouter:
    router = APIRouter(prefix="/deployments", tags=["deployments"])

    @router.post("", status_code=201)
    async def deploy(me: Me, body: Deploy) -> DeploymentOut:
        """Run a strategy on an instrument, in a container of its own."""
        order = Order(**dict(body))
        return DeploymentOut.model_validate(await deployments.deploy(me.tenant, order))

    @router.get("")
    async def list_deployments(me: Me) -> Items[DeploymentOut]:
        """Your deployments and how each does."""
        return Items.of(DeploymentOut, await deployments.list(me.tenant))

    @router.get("/{deployment_id}")
    async def deployment(me: Me, deployment_id: DeploymentId) -> DeploymentDetail:
        """One deployment, with what its last process printed."""
        return DeploymentDetail.model_validate(await deployments.get(me.tenant, deployment_id))

    @router.patch("/{deployment_id}")
    async def change(me: Me, deployment_id: DeploymentId, body: Alter) -> DeploymentOut:
        """Another version, other parameters or limits: launched anew, keeping its state."""
        found = await deployments.change(me.tenant, deployment_id, Change(**dict(body)))
        return DeploymentOut.model_validate(found)

    @router.post("/{deployment_id}/start")
    async def start(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Run it, also after it was given up: what went wrong before is forgiven."""
        return DeploymentOut.model_validate(await deployments.start(me.tenant, deployment_id))

    @router.post("/{deployment_id}/stop")
    async def stop(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Stop its container. Open positions keep their stops."""
        return DeploymentOut.model_validate(await deployments.stop(me.tenant, deployment_id))

    @router.post("/{deployment_id}/pause")
    async def pause(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Let it watch the market without deciding."""
        return DeploymentOut.model_validate(await deployments.pause(me.tenant, deployment_id))

    @router.post("/{deployment_id}/resume")
    async def resume(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Let it decide again."""
        return DeploymentOut.model_validate(await deployments.resume(me.tenant, deployment_id))

    @router.post("/{deployment_id}/restart")
    async def restart(me: Me, deployment_id: DeploymentId) -> DeploymentOut:
        """Launch it anew, with its state; the new process takes over without a gap."""
        return DeploymentOut.model_validate(await deployments.restart(me.tenant, deployment_id))

    @router.delete("/{deployment_id}", status_code=204)
    async def delete(me: Me, deployment_id: DeploymentId) -> None:
        """Stop it for good and take it off the list."""
        await deployments.delete(me.tenant, deployment_id)

    return router
