"""What containers print and use: bounded for each deployment."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, insert, select

from control_plane.deployments.models.wishes import ALIVE
from control_plane.deployments.store.tables import (
    deployments,
    generations,
    output_lines,
    runs,
    vitals,
)
from control_plane.infra.db import Tx


def printed_last(tx: Tx, deployment: str, generation: int) -> int:
    query = select(func.max(output_lines.c.at_ns)).where(
        output_lines.c.deployment_id == deployment, output_lines.c.generation == generation
    )
    return int(tx.scalar(query) or 0)


def add_output(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    tx.run(insert(output_lines), rows)


def forget_output(tx: Tx, deployment: str, keep: int) -> None:
    edge = (
        select(output_lines.c.id)
        .where(output_lines.c.deployment_id == deployment)
        .order_by(output_lines.c.id.desc())
        .limit(1)
        .offset(keep)
        .scalar_subquery()
    )
    tx.run(
        delete(output_lines).where(
            output_lines.c.deployment_id == deployment, output_lines.c.id <= edge
        )
    )


def output(
    tx: Tx, deployment: str, *, after: int | None, grep: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Oldest first: those after a number, or the newest."""
    query = select(output_lines).where(output_lines.c.deployment_id == deployment)
    if grep:
        query = query.where(output_lines.c.text.icontains(grep, autoescape=True))
    if after is not None:
        return tx.all(
            query.where(output_lines.c.id > after).order_by(output_lines.c.id).limit(limit)
        )
    newest = tx.all(query.order_by(output_lines.c.id.desc()).limit(limit))
    return newest[::-1]


def live(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """Generations that run in a container."""
    return tx.all(
        select(generations.c.deployment_id, generations.c.generation, generations.c.container)
        .join(deployments, deployments.c.id == generations.c.deployment_id)
        .where(
            generations.c.state.in_(ALIVE),
            generations.c.container.is_not(None),
            deployments.c.shard.in_(sorted(shards)),
        )
    )


def heard_since(tx: Tx, shards: Collection[int], since_ms: int) -> Sequence[Row[Any]]:
    """The runs that count and were heard of lately, the newest of a deployment last."""
    return tx.all(
        select(runs)
        .join(deployments, deployments.c.id == runs.c.deployment_id)
        .where(
            deployments.c.shard.in_(sorted(shards)),
            runs.c.generation == deployments.c.active_generation,
            runs.c.beat_ms >= since_ms,
        )
        .order_by(runs.c.hello_ms)
    )


def newest_vitals(tx: Tx, ids: Collection[str], since_ms: int) -> dict[str, Row[Any]]:
    query = (
        select(vitals)
        .where(vitals.c.deployment_id.in_(sorted(ids)), vitals.c.minute_ms >= since_ms)
        .order_by(vitals.c.minute_ms)
    )
    return {row.deployment_id: row for row in tx.all(query)}


def put_vitals(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    """Once a minute, whoever writes it: the first point of a minute stays."""
    minutes = {row["minute_ms"] for row in rows}
    query = select(vitals.c.deployment_id, vitals.c.minute_ms).where(
        vitals.c.minute_ms.in_(sorted(minutes)),
        vitals.c.deployment_id.in_(sorted(row["deployment_id"] for row in rows)),
    )
    there = {(row.deployment_id, row.minute_ms) for row in tx.all(query)}
    new = [row for row in rows if (row["deployment_id"], row["minute_ms"]) not in there]
    if new:
        tx.run(insert(vitals), new)


def forget_vitals(tx: Tx, before_ms: int) -> None:
    tx.run(delete(vitals).where(vitals.c.minute_ms < before_ms))


def vitals_of(tx: Tx, deployment: str, since_ms: int) -> Sequence[Row[Any]]:
    return tx.all(
        select(vitals)
        .where(vitals.c.deployment_id == deployment, vitals.c.minute_ms >= since_ms)
        .order_by(vitals.c.minute_ms)
    )


def last_printed(tx: Tx, ids: Collection[str]) -> dict[str, int]:
    query = (
        select(output_lines.c.deployment_id, func.max(output_lines.c.id).label("id"))
        .where(output_lines.c.deployment_id.in_(sorted(ids)))
        .group_by(output_lines.c.deployment_id)
    )
    return {row.deployment_id: row.id for row in tx.all(query)}


def last_minutes(tx: Tx, ids: Collection[str]) -> dict[str, int]:
    query = (
        select(vitals.c.deployment_id, func.max(vitals.c.minute_ms).label("minute_ms"))
        .where(vitals.c.deployment_id.in_(sorted(ids)))
        .group_by(vitals.c.deployment_id)
    )
    return {row.deployment_id: row.minute_ms for row in tx.all(query)}


def launch_before(tx: Tx, deployment: str, version: str) -> Row[Any] | None:
    """The newest launch of another version than this one."""
    return tx.first(
        select(generations)
        .where(generations.c.deployment_id == deployment, generations.c.version_id != version)
        .order_by(generations.c.generation.desc())
        .limit(1)
    )
