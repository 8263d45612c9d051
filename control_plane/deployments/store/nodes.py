"""The machines on which strategies run."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from control_plane.deployments.models.wishes import ALIVE
from control_plane.deployments.store.tables import deployments, generations, nodes
from control_plane.infra.db import Tx


def replace(tx: Tx, found: Sequence[Mapping[str, Any]], gone_since_ms: int) -> None:
    """These anew, and none that nobody has counted for so long."""
    names = [node["name"] for node in found]
    tx.run(delete(nodes).where(nodes.c.name.in_(names) | (nodes.c.seen_ms < gone_since_ms)))
    tx.run(insert(nodes), found)


def all_of_them(tx: Tx) -> Sequence[Row[Any]]:
    return tx.all(select(nodes).order_by(nodes.c.name))


def promised(tx: Tx) -> tuple[int, int]:
    """The memory that all living generations may use, and how many these are."""
    row = tx.first(
        select(
            func.coalesce(func.sum(deployments.c.memory_mb), 0).label("memory_mb"),
            func.count().label("number"),
        )
        .select_from(generations.join(deployments, deployments.c.id == generations.c.deployment_id))
        .where(generations.c.state.in_(ALIVE))
    )
    return (0, 0) if row is None else (int(row.memory_mb), int(row.number))
