"""Executions, signals, the inbox that makes a repeat harmless, and what authors log."""

from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    Integer,
    Row,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, Tx, table
from control_plane.infra.paging import Asked, Found, page


class ExecutionRow(SQLModel, table=True):
    """One trigger, one decision: the first committed is final."""

    __tablename__: ClassVar[str] = "execution"

    deployment_id: str = Field(primary_key=True)
    trigger: str = Field(primary_key=True)
    trigger_open_ms: int = Field(sa_type=BigInteger)
    generation: int
    run: str
    n: int = Field(sa_type=BigInteger)
    outcome: str
    body_sha256: str
    took_us: int = Field(sa_type=BigInteger)
    published_ms: int = Field(sa_type=BigInteger)
    decided_ms: int = Field(sa_type=BigInteger)
    committed_ms: int = Field(sa_type=BigInteger)
    error: str | None = Field(default=None, sa_type=Text)
    shard: int
    epoch: int = Field(default=0, sa_type=BigInteger)


class RepeatRow(SQLModel, table=True):
    """A later execution of a trigger that was decided already: kept and compared, never planned."""

    __tablename__: ClassVar[str] = "execution_repeat"

    deployment_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    run: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    trigger: str
    same: bool
    body: str = Field(sa_type=Text)
    seen_ms: int = Field(sa_type=BigInteger)


class InboxRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "inbox"

    deployment_id: str = Field(primary_key=True)
    generation: int = Field(primary_key=True)
    run: str = Field(primary_key=True)
    n: int = Field(primary_key=True, sa_type=BigInteger)
    outcome: str  # committed | repeated | refused
    seen_ms: int = Field(sa_type=BigInteger)


class SignalRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "signal"
    __table_args__ = (
        UniqueConstraint("deployment_id", "instrument", "trigger", "kind"),
        CheckConstraint("kind IN ('entry','exit')", name="kind_known"),
        Index("ix_signal_state", "shard", "state"),
    )

    id: str = Field(primary_key=True)
    deployment_id: str = Field(index=True)
    tenant: str = ""
    shard: int
    instrument: str
    trigger: str
    trigger_open_ms: int = Field(sa_type=BigInteger)
    generation: int
    kind: str  # entry | exit
    action: str  # LONG | SHORT | EXIT_LONG | EXIT_SHORT
    price: Decimal = Field(sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    reason: str = ""
    state: str = "accepted"  # accepted → planned | refused
    refusal: str | None = None
    seed: int = Field(default=0, sa_type=BigInteger)  # the order across accounts is shuffled by it
    published_ms: int = Field(sa_type=BigInteger)  # of the candle that it was decided on
    decided_ms: int = Field(sa_type=BigInteger)
    accepted_ms: int = Field(sa_type=BigInteger)
    planned_ms: int | None = Field(default=None, sa_type=BigInteger)


class DeadLetterRow(SQLModel, table=True):
    """A frame that was no message of ours, or not one its sender may send."""

    __tablename__: ClassVar[str] = "dead_letter"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    reason: str
    frame: str = Field(sa_type=Text)  # cut to 2 KB, control characters escaped
    seen_ms: int = Field(sa_type=BigInteger)


class LogLineRow(SQLModel, table=True):
    """An author's line or metric; bounded per deployment by the store."""

    __tablename__: ClassVar[str] = "log_line"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    at_ms: int = Field(sa_type=BigInteger)
    level: str
    text: str = Field(sa_type=Text)


class MetricRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "metric"

    id: int | None = Field(default=None, primary_key=True, sa_type=Integer)
    deployment_id: str = Field(index=True)
    generation: int
    at_ms: int = Field(sa_type=BigInteger)
    name: str
    value: float


executions = table(ExecutionRow)
repeats = table(RepeatRow)
inbox = table(InboxRow)
signals = table(SignalRow)
dead_letters = table(DeadLetterRow)
log_lines = table(LogLineRow)
metrics = table(MetricRow)


# ---- lists, newest first -------------------------------------------------------------------------


def signals_page(tx: Tx, tenant: str | None, asked: Asked, deployment: str | None = None) -> Found:
    query = select(signals)
    if tenant is not None:
        query = query.where(signals.c.tenant == tenant)
    if deployment is not None:
        query = query.where(signals.c.deployment_id == deployment)
    return page(tx, query, (signals.c.accepted_ms, signals.c.id), asked)


def signal_of(tx: Tx, tenant: str, identity: str) -> Row[Any] | None:
    return tx.first(select(signals).where(signals.c.id == identity, signals.c.tenant == tenant))


def executions_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(executions).where(executions.c.deployment_id == deployment)
    return page(tx, query, (executions.c.committed_ms, executions.c.trigger), asked)


def log_lines_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(log_lines).where(log_lines.c.deployment_id == deployment)
    return page(tx, query, (log_lines.c.at_ms, log_lines.c.id), asked)


def signal_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(signals)))
