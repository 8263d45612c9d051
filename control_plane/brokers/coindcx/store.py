"""How full the limits of each key and address are, as the processes that use them last said."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, ClassVar

from sqlalchemy import BigInteger, delete, insert, or_, select
from sqlmodel import Field, SQLModel

from control_plane.brokers.coindcx.limits import Usage
from control_plane.infra.db import Tx, table

STALE_MS = 30_000


class UsageRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "exchange_usage"

    holder: str = Field(primary_key=True)  # the process
    name: str = Field(primary_key=True)  # an address, or the end of a key
    second: int
    second_limit: int
    minute: int
    minute_limit: int
    factor: float
    promised: int
    refused: int
    waiting: int
    at_ms: int = Field(sa_type=BigInteger)


usages = table(UsageRow)


def put_usage(tx: Tx, holder: str, found: Sequence[Usage], waiting: int) -> None:
    """In place of what this process said before, and of what ended processes said."""
    now = tx.now_ms()
    tx.run(delete(usages).where(or_(usages.c.holder == holder, usages.c.at_ms < now - STALE_MS)))
    about = {"holder": holder, "waiting": waiting, "at_ms": now}
    tx.run(insert(usages), [{**asdict(one), **about} for one in found])


def current_usage(tx: Tx) -> Sequence[Any]:
    query = select(usages).where(usages.c.at_ms >= tx.now_ms() - STALE_MS)
    return tx.all(query.order_by(usages.c.name, usages.c.holder))
