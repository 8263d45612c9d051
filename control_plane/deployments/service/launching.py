"""A launch, written down before its container is made: the generation's row holds all that its
user and its boot key can be made from again.
"""

from collections.abc import Collection
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import msgspec

from control_plane.containers.access import Rights
from control_plane.containers.models import Limits
from control_plane.core.ids import DeploymentId, Shard, Tenant
from control_plane.deployments.service import reconciling
from control_plane.deployments.store import fleet as store
from control_plane.infra.bus import Bus
from control_plane.infra.db import Tx
from control_plane.infra.events import record
from control_plane.strategies import service as strategies
from strategy_runtime.wire import messages, names

PIDS = 64
GENERATIONS_KEPT = 20


@dataclass(frozen=True)
class Opened:
    """A generation that is about to be launched."""

    deployment: DeploymentId
    generation: int
    tenant: Tenant
    code_sha256: str
    boot: str
    boot_sha256: str
    rights: Rights
    limits: Limits


@dataclass(frozen=True)
class Granted:
    """What a living generation's user and boot key are made from."""

    rights: Rights
    boot: str


def open_generation(
    tx: Tx, bus: Bus, deployment: DeploymentId, password_sha256: str, reason: str = ""
) -> Opened | None:
    """Write the launch down. Nothing if it is not wanted any more."""
    row = store.find(tx, deployment)
    if row is None or row.desired not in ("running", "paused"):
        return None
    number = row.generation + 1
    version = strategies.find(tx, row.version_id)
    limits = Limits(row.memory_mb, row.cpus, PIDS)
    boot = messages.encode(
        messages.Boot(
            deployment=deployment,
            generation=number,
            code=version.code,
            code_sha256=version.code_sha256,
            instrument=row.instrument,
            resolution=row.resolution,
            parameters=_raw(msgspec.json.decode(row.parameters)),
            manifest=_raw(dict(version.manifest)),
            resolutions=tuple(msgspec.json.decode(row.resolutions)),
            ticks=row.ticks,
            lookback=row.lookback,
            limits=messages.Limits(limits.memory_mb, limits.cpus, limits.pids),
        )
    )
    boot_sha256 = sha256(boot).hexdigest()
    if not store.count_up(tx, deployment, number):
        return None
    store.forget_generations(tx, deployment, number - GENERATIONS_KEPT)
    store.add_generation(
        tx,
        {
            "deployment_id": deployment,
            "generation": number,
            "version_id": row.version_id,
            "revision": row.revision,
            "boot": boot.decode(),
            "boot_sha256": boot_sha256,
            "password_sha256": password_sha256,
            "state": "launching",
            "reason": "",
            "crashed": False,
            "log_tail": "",
            "launched_ms": tx.now_ms(),
        },
    )
    if row.observed == "pending":
        reconciling.observe(tx, deployment, "starting", "is being launched")
    body = {"generation": number} | ({"reason": reason} if reason else {})
    record(tx, "generation_launched", "deployment", deployment, tenant=row.tenant, **body)
    tx.after_commit(lambda: bus.hint(names.wake("generations")))
    return Opened(
        deployment,
        number,
        Tenant(row.tenant),
        version.code_sha256,
        boot.decode(),
        boot_sha256,
        _rights(boot.decode(), password_sha256),
        limits,
    )


def granted(tx: Tx, shards: Collection[Shard]) -> list[Granted]:
    return [
        Granted(_rights(row.boot, row.password_sha256), row.boot) for row in store.boots(tx, shards)
    ]


def known(tx: Tx, shards: Collection[Shard]) -> frozenset[str]:
    return store.ids_of(tx, shards)


def _rights(boot: str, password_sha256: str) -> Rights:
    launch = messages.decode_boot(boot.encode())
    return Rights(
        DeploymentId(launch.deployment),
        launch.generation,
        password_sha256,
        launch.instrument,
        (launch.resolution, *launch.resolutions),
        launch.ticks,
    )


def _raw(values: dict[str, Any]) -> dict[str, msgspec.Raw]:
    return {name: msgspec.Raw(msgspec.json.encode(value)) for name, value in values.items()}
