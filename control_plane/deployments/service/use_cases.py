"""What people do with deployments. Each writes a wish; the fleet makes it true."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import Row

from control_plane.core.ids import (
    DeploymentId,
    Rng,
    Tenant,
    random_id,
    shard_of,
)
from control_plane.deployments.errors import BadDeployment, WrongState
from control_plane.deployments.models.measuring import Hint, Vital
from control_plane.deployments.models.status import (
    LEAST_CPUS,
    LEAST_MEMORY_MB,
    Change,
    Order,
    Status,
)
from control_plane.deployments.service import counting
from control_plane.deployments.service.looking import find, listed
from control_plane.deployments.service.terms import (
    COUNTERS,
    forgiven,
    free_name,
    known_leverage,
    known_resolution,
    parameters_after,
)
from control_plane.deployments.service.watching import vitals
from control_plane.deployments.store import asking, fleet, watching
from control_plane.infra.bus import Bus
from control_plane.infra.canonical import canonical_json
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import page_about, record
from control_plane.infra.http_match import ANY, Expected
from control_plane.infra.paging import Asked, Found
from control_plane.market import service as market
from control_plane.settings import FleetSettings
from control_plane.strategies import service as strategies
from control_plane.strategies.models.outline import resolve
from strategy_runtime.wire import messages, names

MEMORY_MB = 512
CPUS = 0.5
ALLOWED: Mapping[str, tuple[str, ...]] = {
    "running": ("stopped", "running", "paused"),
    "paused": ("running",),
    "stopped": ("running", "paused"),
}


@dataclass(frozen=True)
class Deployments:
    db: Database
    bus: Bus
    rng: Rng
    settings: FleetSettings

    async def deploy(self, tenant: Tenant, order: Order) -> Status:
        identity = DeploymentId(random_id("dp", self.rng))
        return await self.db.write(self.deploy_in, tenant, identity, order)

    async def stop(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "stopped")

    async def start(self, tenant: Tenant, deployment: str) -> Status:
        """Also after it was given up: what went wrong before is forgiven."""
        return await self._turn(tenant, deployment, "running")

    async def pause(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "paused")

    async def resume(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "running", ("paused",))

    async def drain(self, tenant: Tenant, deployment: str) -> Status:
        """No new position; it stops once its own is closed, at once if it holds none."""
        return await self.db.write(self.drain_in, tenant, deployment)

    async def delete(self, tenant: Tenant, deployment: str) -> None:
        await self.db.write(self.delete_in, tenant, deployment)

    async def restart(self, tenant: Tenant, deployment: str) -> Status:
        """A new launch takes over from the old one without a gap."""
        return await self.change(tenant, deployment, Change())

    async def change(
        self, tenant: Tenant, deployment: str, change: Change, expected: Expected = ANY
    ) -> Status:
        """Another version, other parameters or limits: launched anew, keeping its state."""
        return await self.db.write(self.change_in, tenant, deployment, change, expected)

    async def roll_back(self, tenant: Tenant, deployment: str) -> Status:
        """The version that ran before, with the parameters that it ran with."""
        return await self.db.write(self.roll_back_in, tenant, deployment)

    async def get(self, tenant: Tenant, deployment: str) -> Status:
        return await self.db.read(find, deployment, tenant)

    async def vitals(self, tenant: Tenant, deployment: str) -> tuple[Sequence[Vital], Hint | None]:
        """A day of minutes, and the limits that they ask for."""
        found = await self.get(tenant, deployment)
        return await self.db.read(vitals, found)

    async def history(self, tenant: Tenant, deployment: str | None, asked: Asked) -> Found:
        """What happened to one of them, or to all, newest first."""
        if deployment is not None:
            await self.get(tenant, deployment)
        return await self.db.read(page_about, tenant, "deployment", deployment, asked)

    async def machines(self) -> Sequence[Row[Any]]:
        return await self.db.read(counting.machines)

    async def list(self, tenant: Tenant | None = None) -> list[Status]:
        """One owner's, or all."""
        return await self.db.read(listed, tenant)

    async def _turn(
        self, tenant: Tenant, deployment: str, desired: str, allowed: tuple[str, ...] = ()
    ) -> Status:
        return await self.db.write(self.turn_in, tenant, deployment, desired, allowed)

    def deploy_in(self, tx: Tx, tenant: Tenant, identity: DeploymentId, order: Order) -> Status:
        version = strategies.deployable(tx, tenant, order.strategy)
        outline = version.outline
        instrument = self._instrument(tx, order.instrument or outline.instrument)
        resolution = known_resolution(order.resolution or outline.resolution)
        further = tuple(r for r in outline.resolutions if r != resolution)
        strategy = strategies.names(tx, tenant)[version.strategy_id]
        default = f"{strategy} {instrument} {resolution}"
        row = {
            "id": identity,
            "tenant": tenant,
            "shard": int(shard_of(identity)),
            "name": free_name(tx, tenant, order.name, default),
            "strategy_id": version.strategy_id,
            "version_id": version.id,
            "instrument": instrument,
            "resolution": resolution,
            "resolutions": canonical_json(further),
            "ticks": outline.ticks,
            "lookback": outline.lookback,
            "parameters": canonical_json(resolve(outline, version.manifest, order.parameters)),
            "memory_mb": self._memory(order.memory_mb or MEMORY_MB),
            "cpus": self._cpus(order.cpus or CPUS),
            "on_crash": order.on_crash,
            "max_leverage": known_leverage(order.max_leverage),
            "launcher": "",
            "desired": "running",
            "observed": "pending",
            "reason": "waits to be launched",
            "observed_ms": tx.now_ms(),
            "created_ms": tx.now_ms(),
            **COUNTERS,
        }
        while not asking.add(tx, row):
            row["name"] = free_name(tx, tenant, order.name, default)
        self._want(tx, identity)
        self._tell(tx, tenant, identity, "deployment_created", name=str(row["name"]))
        return find(tx, identity, tenant)

    def turn_in(
        self,
        tx: Tx,
        tenant: Tenant,
        deployment: str,
        desired: str,
        allowed: tuple[str, ...] = (),
    ) -> Status:
        found = find(tx, deployment, tenant)
        allowed = allowed or ALLOWED[desired]
        if found.desired not in allowed:
            raise WrongState(
                f"{found.name!r} is {found.desired}; it cannot become {desired} from there.",
                remedy=f"It must be {' or '.join(allowed)}.",
            )
        values: dict[str, Any] = {"desired": desired, "draining": False}
        if desired == "running" and found.desired != "paused":
            values |= forgiven(tx)
        fleet.change(tx, found.id, **values)
        if desired == "stopped":
            market.unwant(tx, found.id, bus=self.bus)
        else:
            self._want(tx, found.id)
        self._tell(tx, tenant, found.id, "deployment_wanted", desired=desired, was=found.desired)
        return find(tx, found.id, tenant)

    def drain_in(self, tx: Tx, tenant: Tenant, deployment: str) -> Status:
        found = find(tx, deployment, tenant)
        if found.desired == "stopped":
            raise WrongState(f"{found.name!r} is stopped already.")
        if asking.is_flat(tx, found.id):
            return self.turn_in(tx, tenant, found.id, "stopped")
        fleet.change(tx, found.id, desired="running", draining=True)
        self._tell(tx, tenant, found.id, "deployment_wanted", desired="drained", was=found.desired)
        return find(tx, found.id, tenant)

    def delete_in(self, tx: Tx, tenant: Tenant, deployment: str) -> None:
        """And its shadow, which would decide beside nobody."""
        found = find(tx, deployment, tenant)
        shadow = asking.shadow_of(tx, found.id)
        for gone in (found.id, *([shadow] if shadow is not None else [])):
            fleet.change(tx, gone, desired="deleted")
            market.unwant(tx, gone, bus=self.bus)
            self._tell(tx, tenant, gone, "deployment_deleted", name=asking.name_of(tx, gone))

    def change_in(
        self, tx: Tx, tenant: Tenant, deployment: str, change: Change, expected: Expected = ANY
    ) -> Status:
        found = find(tx, deployment, tenant)
        expected.check(found.revision, repr(found.name))
        version = strategies.deployable(tx, tenant, change.strategy or found.version_id)
        if version.strategy_id != found.strategy_id:
            raise BadDeployment(
                "A deployment stays with its strategy.",
                field="strategy",
                remedy="Deploy the other strategy beside it.",
            )
        parameters = parameters_after(version, found, change)
        fleet.change(
            tx,
            found.id,
            version_id=version.id,
            parameters=canonical_json(parameters),
            resolutions=canonical_json(
                tuple(r for r in version.outline.resolutions if r != found.resolution)
            ),
            ticks=version.outline.ticks,
            lookback=version.outline.lookback,
            memory_mb=self._memory(change.memory_mb or found.memory_mb),
            cpus=self._cpus(change.cpus or found.cpus),
            on_crash=change.on_crash or found.on_crash,
            max_leverage=known_leverage(change.max_leverage) or found.max_leverage,
            revision=found.revision + change.is_for_a_new_launch,
            **(forgiven(tx) if change.is_for_a_new_launch and found.desired != "stopped" else {}),
        )
        if found.desired != "stopped":
            self._want(tx, found.id)
        # Whoever decides its decisions again has to know since when they are of one kind.
        decides_alike = version.id == found.version_id and parameters == found.parameters
        self._tell(
            tx,
            tenant,
            found.id,
            "deployment_changed",
            version=version.id,
            decides_alike=decides_alike,
        )
        return find(tx, found.id, tenant)

    def roll_back_in(self, tx: Tx, tenant: Tenant, deployment: str) -> Status:
        found = find(tx, deployment, tenant)
        before = watching.launch_before(tx, found.id, found.version_id)
        if before is None:
            raise WrongState(
                f"{found.name!r} has run no other version.",
                remedy="Name the version that you mean: `slipway change --version`.",
            )
        boot = messages.decode_boot(before.boot.encode())
        parameters = {name: msgspec.json.decode(raw) for name, raw in boot.parameters.items()}
        return self.change_in(tx, tenant, deployment, Change(before.version_id, parameters))

    def _instrument(self, tx: Tx, text: str) -> str:
        if not text:
            raise BadDeployment(
                "The strategy names no instrument.", field="instrument", remedy="Name one."
            )
        return market.resolve(tx, text)

    def _memory(self, given: int) -> int:
        most = self.settings.ceiling_memory_mb
        if not LEAST_MEMORY_MB <= given <= most:
            raise BadDeployment(
                f"{given} MB of memory is not between {LEAST_MEMORY_MB} and {most}.",
                field="memory_mb",
            )
        return given

    def _cpus(self, given: float) -> float:
        most = self.settings.ceiling_cpus
        if not LEAST_CPUS <= given <= most:
            raise BadDeployment(
                f"{given:g} CPUs is not between {LEAST_CPUS:g} and {most:g}.", field="cpus"
            )
        return given

    def _want(self, tx: Tx, deployment: DeploymentId) -> None:
        row = fleet.find(tx, deployment)
        assert row is not None
        for resolution in (row.resolution, *msgspec.json.decode(row.resolutions)):
            market.want(tx, row.instrument, resolution, row.lookback, deployment, bus=self.bus)

    def _tell(
        self, tx: Tx, tenant: Tenant, deployment: DeploymentId, kind: str, **body: Any
    ) -> None:
        record(tx, kind, "deployment", deployment, tenant=tenant, **body)
        tx.after_commit(lambda: self.bus.hint(names.wake("fleet")))
        tx.after_commit(lambda: self.bus.hint(names.wake("trading")))
