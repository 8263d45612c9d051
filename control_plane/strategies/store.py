"""Strategies and their versions. A version is immutable and named by the sha256 of its code and
manifest.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Row,
    Text,
    UniqueConstraint,
    func,
    or_,
    select,
    update,
)
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Tx, insert_missing, table


class StrategyRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "strategy"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    name: str
    created_ms: int = Field(sa_type=BigInteger)


class VersionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "version"
    __table_args__ = (UniqueConstraint("strategy_id", "number"),)

    id: str = Field(primary_key=True)  # sha256 of strategy id, code and manifest
    strategy_id: str = Field(index=True, foreign_key="strategy.id")
    tenant: str = Field(index=True)
    number: int
    code: str = Field(sa_type=Text)
    code_sha256: str
    manifest: str = Field(
        default="{}", sa_type=Text
    )  # what its author wrote beside the code, canonical JSON
    outline: str = Field(
        default="{}", sa_type=Text
    )  # what checking found: class, parameters, instrument, resolutions
    state: str = "pending"  # pending → checking → passed | failed
    report: str = Field(default="[]", sa_type=Text)  # findings
    trial: str = ""  # due → queued → done: its run in the sandbox; empty if it has none
    note: str = ""  # what it waits for, for people
    figures: str = Field(default="{}", sa_type=Text)  # what its run measured
    created_ms: int = Field(sa_type=BigInteger)


strategies = table(StrategyRow)
versions = table(VersionRow)


def find_strategy(tx: Tx, tenant: str, name: str) -> Row[Any] | None:
    """By its name or its id."""
    return tx.first(
        select(strategies).where(
            strategies.c.tenant == tenant, or_(strategies.c.name == name, strategies.c.id == name)
        )
    )


def list_strategies(tx: Tx, tenant: str) -> Sequence[Row[Any]]:
    return tx.all(select(strategies).where(strategies.c.tenant == tenant).order_by("name"))


def add_strategy(tx: Tx, values: Mapping[str, Any]) -> None:
    """Unless its name is there already."""
    tx.run(insert_missing(tx, strategies), values)


def strategy_named(tx: Tx, tenant: str, name: str) -> str:
    query = select(strategies.c.id).where(strategies.c.tenant == tenant, strategies.c.name == name)
    return str(tx.scalar(query))


def find_version(tx: Tx, version: str) -> Row[Any] | None:
    return tx.first(select(versions).where(versions.c.id == version))


def newest_version(tx: Tx, strategy: str) -> Row[Any] | None:
    newest = versions.c.number.desc()
    return tx.first(
        select(versions).where(versions.c.strategy_id == strategy).order_by(newest).limit(1)
    )


def list_versions(tx: Tx, tenant: str, strategy: str | None) -> Sequence[Row[Any]]:
    query = select(versions).where(versions.c.tenant == tenant)
    if strategy is not None:
        query = query.where(versions.c.strategy_id == strategy)
    return tx.all(query.order_by(versions.c.strategy_id, versions.c.number))


def add_version(tx: Tx, values: Mapping[str, Any]) -> bool:
    """With the next number; false if somebody else took it."""
    number = select(func.coalesce(func.max(versions.c.number), 0) + 1).where(
        versions.c.strategy_id == values["strategy_id"]
    )
    row = {**values, "number": tx.scalar(number), "state": "pending"}
    return bool(tx.run(insert_missing(tx, versions), row))


def move_version(tx: Tx, version: str, before: Sequence[str], after: str, **values: Any) -> bool:
    """One state to the next; false if somebody else was first."""
    moved = update(versions).where(versions.c.id == version, versions.c.state.in_(before))
    return bool(tx.run(moved.values(state=after, **values)))


def unchecked(tx: Tx) -> Sequence[Row[Any]]:
    """Those that nobody has read to the end."""
    open_states = versions.c.state.in_(("pending", "checking"))
    query = select(versions.c.id).where(open_states, versions.c.trial == "")
    return tx.all(query.order_by(versions.c.created_ms))


def awaiting(tx: Tx, limit: int) -> Sequence[Row[Any]]:
    """Those that read well and wait to be run."""
    due = select(versions).where(versions.c.state == "checking", versions.c.trial == "due")
    return tx.all(due.order_by(versions.c.created_ms).limit(limit))


def move_trial(tx: Tx, version: str, before: str, after: str, **values: Any) -> bool:
    moved = update(versions).where(
        versions.c.id == version, versions.c.state == "checking", versions.c.trial == before
    )
    return bool(tx.run(moved.values(trial=after, **values)))


def note(tx: Tx, version: str, text: str) -> None:
    tx.run(
        update(versions)
        .where(versions.c.id == version, versions.c.state == "checking")
        .values(note=text)
    )
