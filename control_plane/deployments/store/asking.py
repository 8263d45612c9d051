"""What the use cases write and what people look at."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, and_, func, select

from control_plane.core.ids import DeploymentId
from control_plane.deployments.store.tables import deployments, generations, runs
from control_plane.infra.db import Tx, insert_missing
from strategy_runtime.wire import messages


def add(tx: Tx, values: Mapping[str, Any]) -> bool:
    """False if its name was given away at this very moment."""
    tx.run(insert_missing(tx, deployments), values)  # not every driver counts what it inserted
    return tx.first(select(deployments.c.id).where(deployments.c.id == values["id"])) is not None


def find_named(tx: Tx, tenant: str, name: str) -> Row[Any] | None:
    return tx.first(
        select(deployments).where(
            deployments.c.tenant == tenant,
            deployments.c.name == name,
            deployments.c.desired != "deleted",
        )
    )


def shadow_of(tx: Tx, deployment: str) -> DeploymentId | None:
    """The one that decides beside it, if there is one."""
    row = tx.first(
        select(deployments.c.id).where(
            deployments.c.shadow_of == deployment, deployments.c.desired != "deleted"
        )
    )
    return None if row is None else DeploymentId(row.id)


def name_of(tx: Tx, deployment: str) -> str:
    return str(tx.scalar(select(deployments.c.name).where(deployments.c.id == deployment)))


def is_flat(tx: Tx, deployment: str) -> bool:
    """Whether its own position is closed, and nothing waits to open one."""
    text = tx.scalar(select(deployments.c.position).where(deployments.c.id == deployment))
    position = msgspec.json.decode(str(text), type=messages.Position)
    return position.is_flat and not position.pending


def row_of(tx: Tx, deployment: str) -> dict[str, Any]:
    """All that is known of it, to be written once more under another id."""
    row = tx.first(select(deployments).where(deployments.c.id == deployment))
    assert row is not None
    return dict(row._mapping)


def generation(tx: Tx, deployment: str, number: int) -> Row[Any] | None:
    return tx.first(
        select(generations).where(
            generations.c.deployment_id == deployment, generations.c.generation == number
        )
    )


def listed(tx: Tx, tenant: str | None, deployment: str | None = None) -> Sequence[Row[Any]]:
    """Deployments beside their last generation and its newest run."""
    newest = (
        select(runs.c.deployment_id, runs.c.generation, func.max(runs.c.hello_ms).label("hello_ms"))
        .group_by(runs.c.deployment_id, runs.c.generation)
        .subquery()
    )
    query = (
        select(
            deployments,
            generations.c.state.label("generation_state"),
            generations.c.reason.label("generation_reason"),
            generations.c.log_tail,
            generations.c.exit_code,
            generations.c.peak_memory_bytes,
            generations.c.started_ms,
            runs.c.beat_ms,
            runs.c.phase,
            runs.c.lag_ms,
            runs.c.loop_lag_ms,
            runs.c.rss_bytes,
            runs.c.cpu_seconds,
            runs.c.waiting,
            runs.c.dropped,
        )
        .outerjoin(
            generations,
            and_(
                generations.c.deployment_id == deployments.c.id,
                generations.c.generation == deployments.c.generation,
            ),
        )
        .outerjoin(
            newest,
            and_(
                newest.c.deployment_id == deployments.c.id,
                newest.c.generation == deployments.c.generation,
            ),
        )
        .outerjoin(
            runs,
            and_(
                runs.c.deployment_id == newest.c.deployment_id,
                runs.c.generation == newest.c.generation,
                runs.c.hello_ms == newest.c.hello_ms,
            ),
        )
        .where(deployments.c.desired != "deleted")
        .order_by(deployments.c.created_ms, deployments.c.id)
    )
    if tenant is not None:
        query = query.where(deployments.c.tenant == tenant)
    if deployment is not None:
        query = query.where(deployments.c.id == deployment)
    return tx.all(query)
