"""Deployments, their generations (launches) and runs (processes)."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Float,
    Index,
    Row,
    Text,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Tx, table


class DeploymentRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deployment"

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    shard: int = Field(index=True)
    name: str
    strategy_id: str = Field(foreign_key="strategy.id")
    version_id: str = Field(foreign_key="version.id")
    instrument: str = Field(index=True)
    resolution: str
    resolutions: str = "[]"  # further ones, JSON
    ticks: bool = False
    lookback: int = 200
    parameters: str = Field(default="{}", sa_type=Text)
    memory_mb: int = 512
    cpus: float = Field(default=0.5, sa_type=Float)
    launcher: str = "docker"  # docker | process

    desired: str = "running"  # running | paused | stopped | deleted
    observed: str = "pending"
    reason: str = ""
    observed_ms: int = Field(default=0, sa_type=BigInteger)

    generation: int = 0  # launches so far
    active_generation: int = 0  # the one whose decisions count
    active_from: str | None = None  # its first trigger
    last_trigger: str | None = None  # committed last
    last_trigger_open_ms: int = Field(default=-1, sa_type=BigInteger)
    state: str | None = Field(default=None, sa_type=Text)  # the strategy's own, after last_trigger
    position: str = Field(
        default="{}", sa_type=Text
    )  # the strategy's virtual one, after last_trigger

    restarts: int = 0
    retry_ms: int = Field(default=0, sa_type=BigInteger)  # back-off: no launch before this
    created_ms: int = Field(sa_type=BigInteger)
    version: int = 0  # of this row


class GenerationRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "generation"

    deployment_id: str = Field(primary_key=True, foreign_key="deployment.id")
    generation: int = Field(primary_key=True)
    version_id: str
    boot: str = Field(
        sa_type=Text
    )  # the payload of the boot key, to be set again when Redis is lost
    boot_sha256: str
    password_sha256: str  # of its Redis user
    container: str | None = None  # the engine's id, or a pid with its start time
    image: str | None = None
    state: str = "launching"  # launching | live | ended | cut_off
    reason: str = ""
    exit_code: int | None = None
    log_tail: str = Field(default="", sa_type=Text)
    peak_memory_bytes: int | None = Field(default=None, sa_type=BigInteger)
    launched_ms: int = Field(sa_type=BigInteger)
    started_ms: int | None = Field(default=None, sa_type=BigInteger)
    ended_ms: int | None = Field(default=None, sa_type=BigInteger)


class RunRow(SQLModel, table=True):
    """One process of a generation and what its last heartbeat said. Written by the trading role,
    which hears it.
    """

    __tablename__: ClassVar[str] = "run"
    __table_args__ = (Index("ix_run_generation", "deployment_id", "generation"),)

    id: str = Field(primary_key=True)
    deployment_id: str
    generation: int
    hello_ms: int = Field(sa_type=BigInteger)
    welcomed_ms: int | None = Field(default=None, sa_type=BigInteger)
    beat_ms: int | None = Field(default=None, sa_type=BigInteger)
    phase: str = "warming"
    last_trigger: str | None = None
    lag_ms: int = 0
    loop_lag_ms: int = 0
    rss_bytes: int = Field(default=0, sa_type=BigInteger)
    cpu_seconds: float = 0.0
    waiting: int = 0
    dropped: int = 0
    bye: str | None = None


deployments = table(DeploymentRow)
generations = table(GenerationRow)
runs = table(RunRow)


# ---- what the trading role records ---------------------------------------------------------------

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
    )
)
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
    return tx.all(select(deployments).where(deployments.c.id.in_(sorted(ids))))


def launched(tx: Tx, deployment: str, generation: int) -> Row[Any] | None:
    return tx.first(
        select(generations.c.state, generations.c.boot).where(
            generations.c.deployment_id == deployment, generations.c.generation == generation
        )
    )


def make_active(tx: Tx, deployment: str, generation: int, active_from: str) -> None:
    tx.run(
        update(deployments)
        .where(deployments.c.id == deployment, deployments.c.active_generation <= generation)
        .values(active_generation=generation, active_from=active_from)
    )


def advance(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Only forward: what was decided later stays."""
    tx.run(_ADVANCE, rows)


def end_generation(tx: Tx, deployment: str, generation: int, state: str, reason: str) -> bool:
    return bool(
        tx.run(
            update(generations)
            .where(
                generations.c.deployment_id == deployment,
                generations.c.generation == generation,
                generations.c.state.in_(ALIVE),
            )
            .values(state=state, reason=reason)
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
