"""What the use cases write and what people look at."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, and_, func, select

from control_plane.deployments.store.tables import deployments, generations, runs
from control_plane.infra.db import Tx, insert_missing


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
