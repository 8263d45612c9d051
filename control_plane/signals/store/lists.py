"""What people ask for, newest first, and how many there are."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import Row, Select, func, select

from control_plane.infra.db import Tx
from control_plane.infra.paging import Asked, Found, page
from control_plane.signals.store.tables import dead_letters, executions, log_lines, signals


def signals_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    query = select(signals).where(signals.c.tenant == tenant)
    return page(tx, query, (signals.c.accepted_ms, signals.c.id), asked)


def signal_of(tx: Tx, tenant: str, identity: str) -> Row[Any] | None:
    return tx.first(select(signals).where(signals.c.id == identity, signals.c.tenant == tenant))


def executions_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(executions).where(executions.c.deployment_id == deployment)
    return page(tx, query, (executions.c.committed_ms, executions.c.trigger), asked)


def newest_executions(tx: Tx, deployment: str, limit: int) -> Sequence[Row[Any]]:
    query = select(executions).where(executions.c.deployment_id == deployment)
    return tx.all(query.order_by(executions.c.trigger_open_ms.desc()).limit(limit))


def signals_on(tx: Tx, deployment: str, triggers: Collection[str]) -> Sequence[Row[Any]]:
    """Of these triggers, the exit of each before its entry."""
    if not triggers:
        return []
    query = select(signals).where(
        signals.c.deployment_id == deployment, signals.c.trigger.in_(sorted(triggers))
    )
    return tx.all(query.order_by(signals.c.trigger, signals.c.kind.desc()))


def log_lines_page(tx: Tx, deployment: str, asked: Asked) -> Found:
    query = select(log_lines).where(log_lines.c.deployment_id == deployment)
    return page(tx, query, (log_lines.c.at_ms, log_lines.c.id), asked)


def log_lines_of(
    tx: Tx, deployment: str, *, after: int | None, grep: str | None, limit: int
) -> Sequence[Row[Any]]:
    """Oldest first: those after a number, or the newest."""
    query = select(log_lines).where(log_lines.c.deployment_id == deployment)
    if grep:
        query = query.where(log_lines.c.text.icontains(grep, autoescape=True))
    if after is not None:
        return tx.all(query.where(log_lines.c.id > after).order_by(log_lines.c.id).limit(limit))
    return tx.all(query.order_by(log_lines.c.id.desc()).limit(limit))[::-1]


def last_lines(tx: Tx, deployments: Collection[str]) -> dict[str, int]:
    query = (
        select(log_lines.c.deployment_id, func.max(log_lines.c.id).label("id"))
        .where(log_lines.c.deployment_id.in_(sorted(deployments)))
        .group_by(log_lines.c.deployment_id)
    )
    return {row.deployment_id: row.id for row in tx.all(query)}


def signals_of_each(tx: Tx, deployments: Collection[str]) -> dict[str, int]:
    query = (
        select(signals.c.deployment_id, func.count().label("number"))
        .where(signals.c.deployment_id.in_(sorted(deployments)))
        .group_by(signals.c.deployment_id)
    )
    return {row.deployment_id: row.number for row in tx.all(query)}


def signal_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(signals)))


def execution_counts(tx: Tx, deployments: Collection[str] | None) -> Sequence[Row[Any]]:
    query: Select[Any] = select(
        executions.c.deployment_id,
        executions.c.outcome,
        func.count().label("number"),
        func.max(executions.c.committed_ms).label("newest_ms"),
    ).group_by(executions.c.deployment_id, executions.c.outcome)
    if deployments is not None:
        query = query.where(executions.c.deployment_id.in_(sorted(deployments)))
    return tx.all(query)


def signal_counts(tx: Tx, tenant: str | None) -> dict[str, int]:
    query: Select[Any] = select(signals.c.state, func.count().label("number")).group_by(
        signals.c.state
    )
    if tenant is not None:
        query = query.where(signals.c.tenant == tenant)
    return {row.state: row.number for row in tx.all(query)}


def newest_letters(tx: Tx, deployment: str, limit: int) -> Sequence[Row[Any]]:
    query = select(dead_letters).where(dead_letters.c.deployment_id == deployment)
    return tx.all(query.order_by(dead_letters.c.id.desc()).limit(limit))
