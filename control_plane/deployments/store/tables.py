"""Deployments, their generations (launches) and runs (processes)."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Float, Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


class DeploymentRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "deployment"
    __table_args__ = (
        Index(
            "uq_deployment_name",
            "tenant",
            "name",
            unique=True,
            sqlite_where=text("desired <> 'deleted'"),
            postgresql_where=text("desired <> 'deleted'"),
        ),
    )

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
    draining: bool = False  # no new position; stopped once its own is closed
    on_crash: str = "keep"  # keep | reduce | flatten: its open positions, once it is given up
    max_leverage: Decimal | None = Field(default=None, sa_type=Money)  # of whoever follows it
    shadow_of: str | None = Field(default=None, index=True)  # decides beside it, and is muted
    failing: int = 0  # decisions in a row that failed, up to last_trigger
    failure: str | None = Field(default=None, sa_type=Text)  # what the last of them failed with

    revision: int = 1  # rises when what runs must be launched anew: code, parameters, limits
    restarts: int = 0
    failures: int = 0  # crashes in a row
    counted_from_ms: int = Field(default=0, sa_type=BigInteger)  # crashes before this are forgiven
    retry_ms: int = Field(default=0, sa_type=BigInteger)  # back-off: no launch before this
    created_ms: int = Field(sa_type=BigInteger)
    version: int = 0  # of this row


class GenerationRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "generation"

    deployment_id: str = Field(primary_key=True, foreign_key="deployment.id")
    generation: int = Field(primary_key=True)
    version_id: str
    revision: int = 1
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
    crashed: bool = False
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


class OutputRow(SQLModel, table=True):
    """A line that a container printed; bounded per deployment by the store."""

    __tablename__: ClassVar[str] = "output_line"
    __table_args__ = (Index("ix_output_line_place", "deployment_id", "id"),)

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str
    generation: int
    at_ms: int = Field(sa_type=BigInteger)
    at_ns: int = Field(sa_type=BigInteger)  # as the engine counts: where to read on
    text: str = Field(sa_type=Text)


class VitalRow(SQLModel, table=True):
    """What a deployment used in one minute: a day of them is kept."""

    __tablename__: ClassVar[str] = "vital"

    deployment_id: str = Field(primary_key=True)
    minute_ms: int = Field(primary_key=True, sa_type=BigInteger)
    generation: int
    run: str
    cpu_seconds: float  # of the run, so far
    cpus: float | None = None  # used on average since the point before, of the same run
    memory_bytes: int = Field(sa_type=BigInteger)
    lag_ms: int
    loop_lag_ms: int
    waiting: int


class NodeRow(SQLModel, table=True):
    """A machine on which strategies run, as the fleet's last census found it."""

    __tablename__: ClassVar[str] = "node"

    name: str = Field(primary_key=True)
    launcher: str
    state: str
    cpus: float
    memory_mb: int
    promised_mb: int
    containers: int
    seen_ms: int = Field(sa_type=BigInteger)


deployments = table(DeploymentRow)
generations = table(GenerationRow)
runs = table(RunRow)
output_lines = table(OutputRow)
vitals = table(VitalRow)
nodes = table(NodeRow)
