"""Executions, signals, the inbox that makes a repeat harmless, and what authors log."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Integer, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


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
    """An author's line; bounded per deployment by the store."""

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
