"""What the trading role records of what it hears."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, insert, select, update

from control_plane.deployments.store.tables import deployments, generations, runs
from control_plane.infra.db import Tx

ALIVE = ("launching", "live")

_ADVANCE = (
    update(deployments)
    .where(
        deployments.c.id == bindparam("of"),
        deployments.c.last_trigger_open_ms <= bindparam("open_ms"),
    )
    .values(
        last_trigger=bindparam("trigger"),
        last_trigger_open_ms=bindparam("open_ms"),
        state=func.coalesce(bindparam("state_after"), deployments.c.state),
        position=bindparam("position_after"),
        failing=(deployments.c.failing + 1) * bindparam("failed"),
        failure=bindparam("failed_with"),
    )
)
# Built once, and of no more columns than are asked for: each decision of each deployment asks.
_STANDING = select(
    deployments.c.id,
    deployments.c.tenant,
    deployments.c.shard,
    deployments.c.instrument,
    deployments.c.resolution,
    deployments.c.ticks,
    deployments.c.desired,
    deployments.c.generation,
    deployments.c.active_generation,
    deployments.c.active_from,
    deployments.c.last_trigger,
    deployments.c.state,
    deployments.c.position,
    deployments.c.draining,
    deployments.c.shadow_of,
    deployments.c.max_leverage,
).where(deployments.c.id.in_(bindparam("ids", expanding=True)))
_BEAT = (
    update(runs)
    .where(
        runs.c.id == bindparam("of"),
        runs.c.deployment_id == bindparam("of_deployment"),
        runs.c.generation == bindparam("of_generation"),
    )
    .values(
        {
            name: bindparam(f"new_{name}")
            for name in (
                "beat_ms",
                "phase",
                "last_trigger",
                "lag_ms",
                "loop_lag_ms",
                "rss_bytes",
                "cpu_seconds",
                "waiting",
                "dropped",
            )
        }
    )
)


def generations_alive(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    query = (
        select(
            generations.c.deployment_id,
            generations.c.generation,
            deployments.c.shard,
            deployments.c.desired,
        )
        .join(deployments, deployments.c.id == generations.c.deployment_id)
        .where(generations.c.state.in_(ALIVE), deployments.c.shard.in_(sorted(shards)))
        .order_by(generations.c.deployment_id, generations.c.generation)
    )
    return tx.all(query)


def standing(tx: Tx, ids: Collection[str]) -> Sequence[Row[Any]]:
    return tx.all(_STANDING, {"ids": sorted(ids)})


def launched(tx: Tx, deployment: str, generation: int) -> Row[Any] | None:
    return tx.first(
        select(generations.c.state, generations.c.boot).where(
            generations.c.deployment_id == deployment, generations.c.generation == generation
        )
    )


def said_hello(tx: Tx, deployment: str, generation: int, run: str) -> bool:
    query = select(runs.c.id).where(
        runs.c.id == run, runs.c.deployment_id == deployment, runs.c.generation == generation
    )
    return tx.first(query) is not None


def make_active(tx: Tx, deployment: str, generation: int, active_from: str) -> None:
    tx.run(
        update(deployments)
        .where(deployments.c.id == deployment, deployments.c.active_generation <= generation)
        .values(active_generation=generation, active_from=active_from)
    )


def advance(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Only forward: what was decided later stays."""
    tx.run(_ADVANCE, rows)


def drained(tx: Tx, ids: Collection[str]) -> Sequence[Row[Any]]:
    """Those of these that were being drained: from now on they are to stop."""
    query = select(deployments.c.id, deployments.c.tenant).where(
        deployments.c.id.in_(sorted(ids)),
        deployments.c.draining,
        deployments.c.desired != "deleted",
    )
    rows = tx.all(query)
    found = [row.id for row in rows]
    tx.run(
        update(deployments)
        .where(deployments.c.id.in_(found))
        .values(desired="stopped", draining=False)
    )
    return rows


def end_generation(tx: Tx, deployment: str, generation: int, state: str, reason: str) -> bool:
    return bool(
        tx.run(
            update(generations)
            .where(
                generations.c.deployment_id == deployment,
                generations.c.generation == generation,
                generations.c.state.in_(ALIVE),
            )
            .values(state=state, reason=reason, ended_ms=tx.now_ms())
        )
    )


def keep_run(tx: Tx, run: str, deployment: str, generation: int, welcomed: bool) -> bool:
    """Whether the run is this generation's: its name is drawn by its own process, and may be a
    lie.
    """
    now = tx.now_ms()
    found = tx.first(select(runs.c.deployment_id, runs.c.generation).where(runs.c.id == run))
    if found is None:
        row = {"id": run, "deployment_id": deployment, "generation": generation, "hello_ms": now}
        welcome = {"welcomed_ms": now if welcomed else None}
        defaults = {"phase": "warming", "lag_ms": 0, "loop_lag_ms": 0, "rss_bytes": 0}
        tx.run(
            insert(runs),
            {**row, **welcome, **defaults, "cpu_seconds": 0.0, "waiting": 0, "dropped": 0},
        )
        return True
    if (found.deployment_id, found.generation) != (deployment, generation):
        return False
    if welcomed:
        tx.run(update(runs).where(runs.c.id == run).values(welcomed_ms=now, bye=None))
    return True


def beat(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    tx.run(_BEAT, rows)


def end_run(tx: Tx, run: str, deployment: str, generation: int, reason: str) -> None:
    tx.run(
        update(runs)
        .where(
            runs.c.id == run, runs.c.deployment_id == deployment, runs.c.generation == generation
        )
        .values(bye=reason)
    )


def forget_runs(tx: Tx, deployment: str, keep: int) -> None:
    """A process can say hello under a new name again and again; the newest names are kept."""
    newest = (
        select(runs.c.id)
        .where(runs.c.deployment_id == deployment)
        .order_by(runs.c.hello_ms.desc(), runs.c.id)
        .limit(keep)
    )
    tx.run(delete(runs).where(runs.c.deployment_id == deployment, runs.c.id.not_in(newest)))
