"""What people do with deployments. Each writes a wish; the fleet makes it true."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from control_plane.core.ids import (
    DeploymentId,
    Rng,
    Tenant,
    random_id,
    shard_of,
)
from control_plane.deployments.errors import BadDeployment, WrongState
from control_plane.deployments.models.status import (
    LEAST_CPUS,
    LEAST_MEMORY_MB,
    MAX_NAME,
    Change,
    Order,
    Status,
)
from control_plane.deployments.service.looking import find, listed
from control_plane.deployments.store import asking, fleet
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.events import canonical_json, record
from control_plane.market import service as market
from control_plane.settings import FleetSettings
from control_plane.strategies import service as strategies
from control_plane.strategies.models.outline import resolve
from control_plane.strategies.service import Version
from strategy_runtime.wire import names
from strategy_runtime.wire.resolutions import RESOLUTIONS

MEMORY_MB = 512
CPUS = 0.5


@dataclass(frozen=True)
class Deployments:
    db: Database
    bus: Bus
    rng: Rng
    settings: FleetSettings

    async def deploy(self, tenant: Tenant, order: Order) -> Status:
        identity = DeploymentId(random_id("dp", self.rng))
        return await self.db.write(self._deploy, tenant, identity, order)

    async def stop(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "stopped", ("running", "paused"))

    async def start(self, tenant: Tenant, deployment: str) -> Status:
        """Also after it was given up: what went wrong before is forgiven."""
        return await self._turn(tenant, deployment, "running", ("stopped", "running", "paused"))

    async def pause(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "paused", ("running",))

    async def resume(self, tenant: Tenant, deployment: str) -> Status:
        return await self._turn(tenant, deployment, "running", ("paused",))

    async def delete(self, tenant: Tenant, deployment: str) -> None:
        await self.db.write(self._delete, tenant, deployment)

    async def restart(self, tenant: Tenant, deployment: str) -> Status:
        """A new launch takes over from the old one without a gap."""
        return await self.change(tenant, deployment, Change())

    async def change(self, tenant: Tenant, deployment: str, change: Change) -> Status:
        """Another version, other parameters or limits: launched anew, keeping its state."""
        return await self.db.write(self._change, tenant, deployment, change)

    async def get(self, tenant: Tenant, deployment: str) -> Status:
        return await self.db.read(find, deployment, tenant)

    async def list(self, tenant: Tenant | None = None) -> list[Status]:
        """One owner's, or all."""
        return await self.db.read(listed, tenant)

    async def _turn(
        self, tenant: Tenant, deployment: str, desired: str, allowed: tuple[str, ...]
    ) -> Status:
        return await self.db.write(self._turn_in, tenant, deployment, desired, allowed)

    def _deploy(self, tx: Tx, tenant: Tenant, identity: DeploymentId, order: Order) -> Status:
        version = strategies.deployable(tx, tenant, order.strategy)
        outline = version.outline
        instrument = self._instrument(tx, order.instrument or outline.instrument)
        resolution = _resolution(order.resolution or outline.resolution)
        further = tuple(r for r in outline.resolutions if r != resolution)
        strategy = strategies.names(tx, tenant)[version.strategy_id]
        row = {
            "id": identity,
            "tenant": tenant,
            "shard": int(shard_of(identity)),
            "name": _name(tx, tenant, order.name, f"{strategy} {instrument} {resolution}"),
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
            "launcher": "",
            "desired": "running",
            "observed": "pending",
            "reason": "waits to be launched",
            "observed_ms": tx.now_ms(),
            "created_ms": tx.now_ms(),
            **_COUNTERS,
        }
        asking.add(tx, row)
        self._want(tx, identity)
        self._tell(tx, tenant, identity, "deployment_created", name=str(row["name"]))
        return find(tx, identity, tenant)

    def _turn_in(
        self, tx: Tx, tenant: Tenant, deployment: str, desired: str, allowed: tuple[str, ...]
    ) -> Status:
        found = find(tx, deployment, tenant)
        if found.desired not in allowed:
            raise WrongState(
                f"{found.name!r} is {found.desired}; it cannot become {desired} from there.",
                remedy=f"It must be {' or '.join(allowed)}.",
            )
        values: dict[str, Any] = {"desired": desired}
        if desired == "running" and found.desired != "paused":
            values |= _forgiven(tx)
        fleet.change(tx, found.id, **values)
        if desired == "stopped":
            market.unwant(tx, found.id, bus=self.bus)
        else:
            self._want(tx, found.id)
        self._tell(tx, tenant, found.id, "deployment_wanted", desired=desired, was=found.desired)
        return find(tx, found.id, tenant)

    def _delete(self, tx: Tx, tenant: Tenant, deployment: str) -> None:
        found = find(tx, deployment, tenant)
        fleet.change(tx, found.id, desired="deleted")
        market.unwant(tx, found.id, bus=self.bus)
        self._tell(tx, tenant, found.id, "deployment_deleted", name=found.name)

    def _change(self, tx: Tx, tenant: Tenant, deployment: str, change: Change) -> Status:
        found = find(tx, deployment, tenant)
        version = strategies.deployable(tx, tenant, change.strategy or found.version_id)
        if version.strategy_id != found.strategy_id:
            raise BadDeployment(
                "A deployment stays with its strategy.",
                field="strategy",
                remedy="Deploy the other strategy beside it.",
            )
        fleet.change(
            tx,
            found.id,
            version_id=version.id,
            parameters=canonical_json(_parameters(version, found, change)),
            resolutions=canonical_json(
                tuple(r for r in version.outline.resolutions if r != found.resolution)
            ),
            ticks=version.outline.ticks,
            lookback=version.outline.lookback,
            memory_mb=self._memory(change.memory_mb or found.memory_mb),
            cpus=self._cpus(change.cpus or found.cpus),
            revision=fleet.revision(tx, found.id) + 1,
            **({} if found.desired == "stopped" else _forgiven(tx)),
        )
        if found.desired != "stopped":
            self._want(tx, found.id)
        self._tell(tx, tenant, found.id, "deployment_changed", version=version.id)
        return find(tx, found.id, tenant)

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


_COUNTERS: Mapping[str, Any] = {
    "generation": 0,
    "active_generation": 0,
    "last_trigger_open_ms": -1,
    "position": "{}",
    "revision": 1,
    "restarts": 0,
    "failures": 0,
    "counted_from_ms": 0,
    "retry_ms": 0,
    "version": 0,
}


def _forgiven(tx: Tx) -> dict[str, Any]:
    now = tx.now_ms()
    return {
        "observed": "pending",
        "reason": "waits to be launched",
        "observed_ms": now,
        "failures": 0,
        "retry_ms": 0,
        "counted_from_ms": now,
    }


def _name(tx: Tx, tenant: Tenant, given: str | None, default: str) -> str:
    name = (given if given is not None else default[: MAX_NAME - 4]).strip()
    if not name or len(name) > MAX_NAME or not name.isprintable():
        raise BadDeployment(f"A name has 1 to {MAX_NAME} printable characters.", field="name")
    if asking.find_named(tx, tenant, name) is None:
        return name
    if given is not None:
        raise WrongState(f"There is a deployment {name!r} already.", field="name")
    return next(
        numbered
        for number in range(2, 10_000)
        if asking.find_named(tx, tenant, numbered := f"{name} {number}") is None
    )


def _resolution(text: str) -> str:
    if text not in RESOLUTIONS:
        raise BadDeployment(
            f"{text[:20]!r} is no resolution.",
            field="resolution",
            remedy=f"Use one of {', '.join(RESOLUTIONS)}.",
        )
    return text


def _parameters(version: Version, found: Status, change: Change) -> dict[str, Any]:
    """The present values go on where the version still knows them."""
    known = {parameter.name for parameter in version.outline.parameters}
    kept = {name: value for name, value in found.parameters.items() if name in known}
    return dict(resolve(version.outline, version.manifest, {**kept, **(change.parameters or {})}))
