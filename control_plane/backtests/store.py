"""Backtests: what was asked, once and for all. How each stands is its job's."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Row, Text, delete, insert, select
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Tx, table
from control_plane.infra.paging import Asked, Found, page


class BacktestRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "backtest"

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    job_id: str
    kind: str  # backtest | optimise
    name: str
    strategy_id: str  # no foreign keys: a result outlives what it is of
    version_id: str
    code_sha256: str
    instrument: str
    resolution: str
    since_ms: int = Field(sa_type=BigInteger)
    until_ms: int = Field(sa_type=BigInteger)
    parameters: str = Field(sa_type=Text)
    terms: str = Field(sa_type=Text)
    search: str = Field(sa_type=Text)
    rules: str = Field(sa_type=Text)  # the instrument's, as they were
    created_ms: int = Field(sa_type=BigInteger)


backtests = table(BacktestRow)


def add(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.run(insert(backtests), values)


def find(tx: Tx, backtest: str) -> Row[Any] | None:
    return tx.first(select(backtests).where(backtests.c.id == backtest))


def some(tx: Tx, tenant: str, ids: Collection[str]) -> Sequence[Row[Any]]:
    query = select(backtests).where(backtests.c.tenant == tenant, backtests.c.id.in_(sorted(ids)))
    return tx.all(query.order_by(backtests.c.created_ms, backtests.c.id))


def page_of(tx: Tx, tenant: str, asked: Asked) -> Found:
    query = select(backtests).where(backtests.c.tenant == tenant)
    return page(tx, query, (backtests.c.created_ms, backtests.c.id), asked)


def remove_of(tx: Tx, job_ids: Collection[str]) -> None:
    tx.run(delete(backtests).where(backtests.c.job_id.in_(sorted(job_ids))))
