"""A new version beside the old one, muted: what it would decide, before anybody acts on it."""

from dataclasses import dataclass

from control_plane.core.ids import DeploymentId, Tenant, random_id, shard_of
from control_plane.deployments.errors import BadDeployment, NoSuchDeployment, WrongState
from control_plane.deployments.models.status import MAX_NAME, Change, Status
from control_plane.deployments.service.looking import find
from control_plane.deployments.service.terms import COUNTERS, forgiven, free_name
from control_plane.deployments.service.use_cases import Deployments
from control_plane.deployments.store import asking
from control_plane.infra.db import Tx
from control_plane.infra.events import record

SUFFIX = " (shadow)"
CARRIED = ("state", "position", "last_trigger", "last_trigger_open_ms")


@dataclass(frozen=True)
class Shadows:
    deployments: Deployments

    async def begin(self, tenant: Tenant, deployment: str, change: Change) -> Status:
        """It starts from where the other stands: its state, its position, its last decision."""
        use = self.deployments
        identity = DeploymentId(random_id("dp", use.rng))
        return await use.db.write(self._begin, tenant, deployment, identity, change)

    async def of(self, tenant: Tenant, deployment: str) -> tuple[Status, Status]:
        """A deployment and its shadow."""
        return await self.deployments.db.read(shadowed, deployment, tenant)

    async def promote(self, tenant: Tenant, deployment: str) -> Status:
        """What the shadow runs is what the deployment runs from now on; the shadow ends."""
        return await self.deployments.db.write(self._promote, tenant, deployment)

    async def end(self, tenant: Tenant, deployment: str) -> None:
        await self.deployments.db.write(self._end, tenant, deployment)

    def _begin(
        self, tx: Tx, tenant: Tenant, deployment: str, identity: DeploymentId, change: Change
    ) -> Status:
        found = find(tx, deployment, tenant)
        _check_can_have_one(tx, found)
        name = free_name(tx, tenant, None, found.name[: MAX_NAME - len(SUFFIX) - 4] + SUFFIX)
        row = asking.row_of(tx, found.id)
        fresh = {
            "id": identity,
            "shard": int(shard_of(identity)),
            "name": name,
            "shadow_of": found.id,
            "desired": "running",
            "draining": False,
            "on_crash": "keep",
            "launcher": "",
            "created_ms": tx.now_ms(),
            "active_from": None,
            **COUNTERS,
            **{field: row[field] for field in CARRIED},
            **forgiven(tx),
        }
        if not asking.add(tx, row | fresh):
            raise WrongState(f"{name!r} was taken at this very moment.", remedy="Ask again.")
        record(tx, "deployment_created", "deployment", identity, tenant=tenant, shadow_of=found.id)
        return self.deployments.change_in(tx, tenant, identity, change)

    def _promote(self, tx: Tx, tenant: Tenant, deployment: str) -> Status:
        found, shadow = shadowed(tx, deployment, tenant)
        change = Change(shadow.version_id, shadow.parameters, shadow.memory_mb, shadow.cpus)
        self.deployments.delete_in(tx, tenant, shadow.id)
        return self.deployments.change_in(tx, tenant, found.id, change)

    def _end(self, tx: Tx, tenant: Tenant, deployment: str) -> None:
        _, shadow = shadowed(tx, deployment, tenant)
        self.deployments.delete_in(tx, tenant, shadow.id)


def shadowed(tx: Tx, deployment: str, tenant: Tenant) -> tuple[Status, Status]:
    found = find(tx, deployment, tenant)
    shadow = asking.shadow_of(tx, found.id)
    if shadow is None:
        raise NoSuchDeployment(
            f"{found.name!r} has no shadow.",
            remedy="Start one: `slipway shadow start NAME --version …`.",
        )
    return found, find(tx, shadow, tenant)


def _check_can_have_one(tx: Tx, found: Status) -> None:
    if found.shadow_of is not None:
        raise BadDeployment("A shadow has no shadow of its own.", field="deployment_id")
    if found.desired != "running":
        raise WrongState(
            f"{found.name!r} is {found.desired}: there is nothing to decide beside.",
            remedy="Start it first.",
        )
    if asking.shadow_of(tx, found.id) is not None:
        raise WrongState(
            f"{found.name!r} has a shadow already.",
            remedy="End that one first: `slipway shadow end NAME`.",
        )
