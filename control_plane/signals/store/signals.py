"""Signals from their acceptance to their plan."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, SignalId, Tenant
from control_plane.infra.db import Tx
from control_plane.signals.models.stored import StoredSignal
from control_plane.signals.store.tables import signals

_ACCEPTED = (
    select(signals)
    .where(
        signals.c.state == "accepted",
        signals.c.shard.in_(bindparam("shards", expanding=True)),
    )
    .order_by(signals.c.accepted_ms, signals.c.trigger_open_ms, signals.c.kind.desc())
    .limit(bindparam("at_most"))
)


def accepted(tx: Tx, shards: Collection[Shard], limit: int) -> list[StoredSignal]:
    """In the order in which they were accepted, and of one trigger the exit first."""
    asked = {"shards": sorted(shards), "at_most": limit}
    return [_signal(row) for row in tx.all(_ACCEPTED, asked)]


def close_signal(tx: Tx, identity: SignalId, state: str, refusal: str | None) -> bool:
    """Only once: whoever comes second changes nothing."""
    return bool(
        tx.run(
            update(signals)
            .where(signals.c.id == identity, signals.c.state == "accepted")
            .values(state=state, refusal=refusal, planned_ms=tx.now_ms())
        )
    )


def signal(tx: Tx, identity: SignalId) -> StoredSignal | None:
    row = tx.first(select(signals).where(signals.c.id == identity))
    return None if row is None else _signal(row)


def newest_signals(tx: Tx, tenant: str | None, limit: int) -> list[StoredSignal]:
    query = select(signals)
    if tenant is not None:
        query = query.where(signals.c.tenant == tenant)
    query = query.order_by(signals.c.accepted_ms.desc(), signals.c.id).limit(limit)
    return [_signal(row) for row in tx.all(query)]


def last_of(tx: Tx, deployment: str, limit: int) -> list[StoredSignal]:
    query = select(signals).where(
        signals.c.deployment_id == deployment, signals.c.state != "refused"
    )
    order = (signals.c.trigger_open_ms.desc(), signals.c.kind.asc())  # entry, then exit: reversed
    return [_signal(row) for row in reversed(tx.all(query.order_by(*order).limit(limit)))]


def _signal(row: Row[Any]) -> StoredSignal:
    return StoredSignal(
        id=SignalId(row.id),
        deployment=DeploymentId(row.deployment_id),
        tenant=Tenant(row.tenant),
        shard=Shard(row.shard),
        instrument=InstrumentId(row.instrument),
        trigger=row.trigger,
        trigger_open_ms=row.trigger_open_ms,
        generation=row.generation,
        kind=row.kind,
        action=row.action,
        price=row.price,
        stop_loss=row.stop_loss,
        take_profit=row.take_profit,
        reason=row.reason,
        state=row.state,
        refusal=row.refusal,
        seed=row.seed,
        published_ms=row.published_ms,
        decided_ms=row.decided_ms,
        accepted_ms=row.accepted_ms,
        planned_ms=row.planned_ms,
    )
