"""What the invariants are asked of: recent rows, in bounded queries; and the alarms that stand."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import msgspec
from sqlalchemy import Row, delete, func, insert, or_, select

from control_plane.infra import events
from control_plane.infra.db import Tx, among
from control_plane.infra.leases import holders
from control_plane.orders.models.invariants import Allowed, Broken, Facts, Halted
from control_plane.orders.store.intents import owned_by
from control_plane.orders.store.tables import (
    alarms,
    fills,
    halts,
    intents,
    ledger,
    orders,
    plans,
    skips,
    stray_fills,
    trades,
)

MOST = 2_000


def facts(
    tx: Tx,
    shards: Collection[int],
    since_ms: int,
    now_ms: int,
    allowed: Allowed,
    outdated: Sequence[str],
) -> Facts:
    """What is under way, and what ended since then."""
    moved = tx.all(
        select(intents)
        .where(
            owned_by(intents.c.shard, shards),
            or_(intents.c.done_ms.is_(None), intents.c.done_ms >= since_ms),
        )
        .order_by(intents.c.planned_ms.desc(), intents.c.id)
        .limit(MOST)
    )
    held = _trades(tx, shards, since_ms)
    names = [row.id for row in held]
    twice, lacking = _decisions(tx, since_ms)
    return Facts(
        now_ms=now_ms,
        allowed=allowed,
        intents=moved,
        orders=tx.all(
            select(orders).where(among(tx, orders.c.intent_id, [row.id for row in moved]))
        ),
        trades=held,
        fills=tx.all(select(fills).where(among(tx, fills.c.trade_id, names))),
        ledger=tx.all(select(ledger).where(among(tx, ledger.c.trade_id, names))),
        undecided=lacking,
        decided_twice=twice,
        outdated=outdated,
        epochs={int(shard): epoch for shard, (_, epoch) in holders(tx, "trading").items()},
        halts=[Halted(row.scope, row.at_ms) for row in _halts(tx)],
        moves=_moves(tx, [row.id for row in moved]),
    )


def strays(tx: Tx, since_ms: int) -> Sequence[Row[Any]]:
    """Fills of orders that are in no row of ours, seen since then."""
    query = select(stray_fills).where(stray_fills.c.seen_ms >= since_ms)
    return tx.all(query.order_by(stray_fills.c.seen_ms).limit(MOST))


def _trades(tx: Tx, shards: Collection[int], since_ms: int) -> Sequence[Row[Any]]:
    """Open ones, and those of which a fill came since; newest first."""
    lately = select(fills.c.trade_id).where(fills.c.recorded_ms >= since_ms).limit(MOST)
    query = select(trades).where(
        owned_by(trades.c.shard, shards),
        or_(trades.c.state != "closed", trades.c.id.in_(lately)),
    )
    return tx.all(query.order_by(trades.c.opened_ms.desc(), trades.c.id).limit(MOST))


def _decisions(
    tx: Tx, since_ms: int
) -> tuple[Sequence[tuple[str, str]], Sequence[tuple[str, str]]]:
    """Signals of whose plan rows are missing, or too many."""
    twice: list[tuple[str, str]] = []
    lacking: list[tuple[str, str]] = []
    recent = select(plans).where(plans.c.planned_ms >= since_ms)
    for plan in tx.all(recent.order_by(plans.c.planned_ms.desc()).limit(100)):
        decided = sum(
            int(tx.scalar(select(func.count()).where(table.c.signal_id == plan.signal_id)))
            for table in (intents, skips)
        )
        missing = plan.intents + plan.skips - decided
        if missing > 0:
            lacking.append((plan.signal_id, f"{missing} of its subscriptions"))
        elif missing < 0:
            twice.append((plan.signal_id, f"{-missing} of its subscriptions"))
    return twice, lacking


def _halts(tx: Tx) -> Sequence[Row[Any]]:
    return tx.all(select(halts.c.scope, halts.c.at_ms).where(halts.c.active.is_(True)))


def _moves(tx: Tx, of: Sequence[str]) -> list[tuple[str, str]]:
    """Each step that was told, oldest first."""
    table = events.events
    query = (
        select(table.c.subject_id, table.c.body)
        .where(table.c.subject_kind == "intent", among(tx, table.c.subject_id, of))
        .order_by(table.c.number)
    )
    steps: list[tuple[str, str]] = []
    for row in tx.all(query):
        state = msgspec.json.decode(row.body).get("state")
        if state is not None:
            steps.append((row.subject_id, state))
    return steps


# ---- alarms --------------------------------------------------------------------------------------


def standing(tx: Tx) -> Sequence[Row[Any]]:
    return tx.all(select(alarms).order_by(alarms.c.since_ms, alarms.c.rule, alarms.c.subject))


def raise_alarms(tx: Tx, found: Sequence[Broken], shard_of: Mapping[str, int], now: int) -> None:
    tx.run(
        insert(alarms),
        [
            {
                "rule": one.rule,
                "subject": one.subject,
                "what": one.what,
                "shard": shard_of.get(one.subject, 0),
                "since_ms": now,
            }
            for one in found
        ],
    )


def end_alarms(tx: Tx, ended: Sequence[tuple[str, str]]) -> None:
    for rule, subject in ended:
        tx.run(delete(alarms).where(alarms.c.rule == rule, alarms.c.subject == subject))
