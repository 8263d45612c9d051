"""A change made, looked at and unmade again: what the fleet would do about it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

from control_plane.core.ids import DeploymentId, Tenant, random_id, shard_of
from control_plane.deployments.models.status import Change, Order
from control_plane.deployments.models.voyage import told, voyage
from control_plane.deployments.models.wishes import Policy
from control_plane.deployments.service import reconciling
from control_plane.deployments.service.looking import find
from control_plane.deployments.service.use_cases import Deployments
from control_plane.deployments.store import fleet as store
from control_plane.infra.db import Tx

VERSION_SHOWN = 12  # of a hash

Action = Literal[
    "start", "stop", "pause", "resume", "drain", "restart", "change", "roll_back", "delete"
]


class _Unmade(Exception):
    """Carries what was seen out of a transaction that must not be committed."""

    def __init__(self, steps: list[str]) -> None:
        self.steps = steps


@dataclass(frozen=True)
class Rehearsals:
    deployments: Deployments
    policy: Policy = field(default_factory=Policy)

    async def deploy(self, tenant: Tenant, order: Order) -> list[str]:
        identity = DeploymentId(random_id("dp", self.deployments.rng))
        return await self._rehearse(
            identity, lambda tx: self.deployments.deploy_in(tx, tenant, identity, order)
        )

    async def act(
        self, tenant: Tenant, deployment: str, action: Action, change: Change
    ) -> list[str]:
        """The steps of one action; what would be refused is refused here too."""
        found = await self.deployments.get(tenant, deployment)
        return await self._rehearse(
            found.id, lambda tx: self._act(tx, tenant, found.id, action, change)
        )

    def _act(
        self, tx: Tx, tenant: Tenant, deployment: str, action: Action, change: Change
    ) -> object:
        use = self.deployments
        match action:
            case "start":
                return use.turn_in(tx, tenant, deployment, "running")
            case "stop":
                return use.turn_in(tx, tenant, deployment, "stopped")
            case "pause":
                return use.turn_in(tx, tenant, deployment, "paused")
            case "resume":
                return use.turn_in(tx, tenant, deployment, "running", ("paused",))
            case "drain":
                return use.drain_in(tx, tenant, deployment)
            case "restart":
                return use.change_in(tx, tenant, deployment, Change())
            case "change":
                return use.change_in(tx, tenant, deployment, change)
            case "roll_back":
                return use.roll_back_in(tx, tenant, deployment)
            case "delete":
                use.delete_in(tx, tenant, deployment)
                return None

    async def _rehearse(self, deployment: DeploymentId, work: Callable[[Tx], object]) -> list[str]:
        def make_and_unmake(tx: Tx) -> None:
            work(tx)
            raise _Unmade(self._steps(tx, deployment))

        try:
            await self.deployments.db.write(make_and_unmake)
        except _Unmade as seen:
            return seen.steps
        raise AssertionError("unreachable")

    def _steps(self, tx: Tx, deployment: DeploymentId) -> list[str]:
        ships = reconciling.ships(tx, [shard_of(deployment)])
        wish = next((s.wish for s in ships if s.wish.deployment == deployment), None)
        row = store.find(tx, deployment)
        if wish is None or row is None:  # deleted, and nothing of it runs
            return ["take it off the list"]
        due = voyage(wish, now_ms=tx.now_ms(), policy=self.policy)
        shape = ""
        if row.desired != "deleted":
            status = find(tx, deployment)
            shape = (
                f"generation {status.generation + 1} of version"
                f" {status.version_id[:VERSION_SHOWN]} on {status.instrument} {status.resolution},"
                f" with {status.memory_mb} MB and {status.cpus:g} CPUs"
            )
        steps = [told(step, wish, shape) for step in due]
        if row.desired == "paused" and not steps:
            return ["tell its process to decide nothing"]
        if row.draining:
            return ["take no new position from it", "stop it once its own position is closed"]
        return steps or ["nothing to launch and nothing to stop"]
