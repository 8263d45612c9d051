"""What the reconciler reads and writes: deployments, their generations, how these end."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, delete, insert, or_, select, update

from control_plane.deployments.models.wishes import ALIVE
from control_plane.deployments.store.tables import deployments, generations, runs
from control_plane.infra.db import Tx


def of_shards(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """All that may have a container: deleted ones only while a generation of theirs is alive."""
    alive = select(generations.c.deployment_id).where(generations.c.state.in_(ALIVE))
    return tx.all(
        select(deployments)
        .where(
            deployments.c.shard.in_(sorted(shards)),
            or_(deployments.c.desired != "deleted", deployments.c.id.in_(alive)),
        )
        .order_by(deployments.c.id)
    )


def generations_of(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """The last of each deployment, and those that are alive."""
    return tx.all(
        select(generations)
        .join(deployments, deployments.c.id == generations.c.deployment_id)
        .where(
            deployments.c.shard.in_(sorted(shards)),
            or_(
                generations.c.state.in_(ALIVE),
                generations.c.generation == deployments.c.generation,
            ),
        )
    )


def runs_of(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """Of generations that are alive, oldest first."""
    return tx.all(
        select(runs)
        .join(
            generations,
            and_(
                generations.c.deployment_id == runs.c.deployment_id,
                generations.c.generation == runs.c.generation,
            ),
        )
        .join(deployments, deployments.c.id == runs.c.deployment_id)
        .where(generations.c.state.in_(ALIVE), deployments.c.shard.in_(sorted(shards)))
        .order_by(runs.c.hello_ms)
    )


def find(tx: Tx, deployment: str) -> Row[Any] | None:
    return tx.first(select(deployments).where(deployments.c.id == deployment))


def find_generation(tx: Tx, deployment: str, generation: int) -> Row[Any] | None:
    return tx.first(
        select(generations).where(
            generations.c.deployment_id == deployment, generations.c.generation == generation
        )
    )


def count_up(tx: Tx, deployment: str, generation: int) -> bool:
    """The next launch's number; false if somebody else took it."""
    return bool(
        tx.run(
            update(deployments)
            .where(deployments.c.id == deployment, deployments.c.generation == generation - 1)
            .values(generation=generation)
        )
    )


def add_generation(tx: Tx, values: Mapping[str, Any]) -> None:
    tx.run(insert(generations), values)


def forget_generations(tx: Tx, deployment: str, before: int) -> None:
    """Each holds its code: a strategy that crashes for months must not fill the disk."""
    tx.run(
        delete(generations).where(
            generations.c.deployment_id == deployment,
            generations.c.generation < before,
            generations.c.state.not_in(ALIVE),
        )
    )


def change_generation(
    tx: Tx, deployment: str, generation: int, states: Collection[str], **values: Any
) -> bool:
    return bool(
        tx.run(
            update(generations)
            .where(
                generations.c.deployment_id == deployment,
                generations.c.generation == generation,
                generations.c.state.in_(states),
            )
            .values(**values)
        )
    )


def change(tx: Tx, deployment: str, **values: Any) -> None:
    tx.run(update(deployments).where(deployments.c.id == deployment).values(**values))


def crashes(tx: Tx, deployment: str, since_ms: int) -> list[int]:
    """When generations crashed lately."""
    query = select(generations.c.ended_ms).where(
        generations.c.deployment_id == deployment,
        generations.c.crashed,
        generations.c.ended_ms >= since_ms,
    )
    return [int(row.ended_ms) for row in tx.all(query)]


def alive(tx: Tx, deployment_ids: Collection[str]) -> Sequence[Row[Any]]:
    return tx.all(
        select(generations.c.deployment_id, generations.c.generation).where(
            generations.c.state.in_(ALIVE), generations.c.deployment_id.in_(sorted(deployment_ids))
        )
    )


def boots(tx: Tx, shards: Collection[int]) -> Sequence[Row[Any]]:
    """What users and boot keys of living generations are made from."""
    return tx.all(
        select(
            generations.c.deployment_id,
            generations.c.generation,
            generations.c.boot,
            generations.c.password_sha256,
        )
        .join(deployments, deployments.c.id == generations.c.deployment_id)
        .where(generations.c.state.in_(ALIVE), deployments.c.shard.in_(sorted(shards)))
    )


def last_heard_memory(tx: Tx, deployment: str, generation: int) -> int | None:
    """What its newest process said that it used."""
    query = (
        select(runs.c.rss_bytes)
        .where(runs.c.deployment_id == deployment, runs.c.generation == generation)
        .order_by(runs.c.hello_ms.desc())
        .limit(1)
    )
    row = tx.first(query)
    return None if row is None else int(row.rss_bytes)


def ids_of(tx: Tx, shards: Collection[int]) -> frozenset[str]:
    query = select(deployments.c.id).where(deployments.c.shard.in_(sorted(shards)))
    return frozenset(str(row.id) for row in tx.all(query))
