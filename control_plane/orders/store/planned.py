"""Plans as they are written: thousands of intents and their events at once."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import insert, literal, select
from sqlalchemy.engine import Row

from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.orders.store.tables import intents, plans, skips


def add_plan(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(insert(plans), row)


def plan_of(tx: Tx, signal: str) -> Row[Any] | None:
    return tx.first(select(plans).where(plans.c.signal_id == signal))


def add_planned(tx: Tx, names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Thousands at once."""
    tx.insert_tuples(intents, names, rows)


def tell_planned(tx: Tx, signal: str, now: int) -> None:
    """An event for each intent of a signal, from their rows themselves."""
    body = literal('{"leg":"') + intents.c.leg + '","state":"' + intents.c.state + '"}'
    told = select(
        literal(now),
        literal("intent_planned"),
        literal("intent"),
        intents.c.id,
        intents.c.tenant,
        body,
    ).where(intents.c.signal_id == signal)
    names = ("at_ms", "kind", "subject_kind", "subject_id", "tenant", "body")
    tx.run(insert(events.events).from_select(names, told.order_by(intents.c.rank)))


def add_skips(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    tx.run(insert(skips), rows)
