"""What may leave, and the one statement that lets it out.

The statement takes a batch: every guard stands in it for each row by itself, and only what it
returns may be sent.
"""

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import (
    BigInteger,
    Select,
    Text,
    bindparam,
    func,
    literal_column,
    select,
    text,
    update,
)
from sqlalchemy.engine import Row

from control_plane.core.ids import SHARDS
from control_plane.infra.db import Tx, given
from control_plane.orders.models.requests import WRITTEN
from control_plane.orders.store.intents import owned
from control_plane.orders.store.tables import intents, orders

# Legs that must not wait behind the next: ways out, what protects, and then entries.
LANES = ("exit", "sl", "tp", "entry")
WAYS_OUT = LANES[:-1]

# One leg of a position in doubt at a time; while anything is, or a person has to decide, nothing
# enters it. The states are written out as the index on doubt has them.
_UNDOUBTED = """
NOT EXISTS (SELECT 1 FROM intent AS other
  WHERE other.account_id = intent.account_id AND other.instrument = intent.instrument
    AND other.margin_currency = intent.margin_currency
    AND other.state IN ('SENDING','UNKNOWN')
    AND (intent.leg = 'entry' OR other.leg = intent.leg))
AND (intent.leg <> 'entry' OR NOT EXISTS (SELECT 1 FROM intent AS other
  WHERE other.account_id = intent.account_id AND other.instrument = intent.instrument
    AND other.margin_currency = intent.margin_currency
    AND other.state = 'QUARANTINED'))"""

# What a release needs of an intent, and what says why it stays.
_LEAVING = tuple(
    intents.c[name]
    for name in (
        *("id", "leg", "state", "version", "shard", "venue", "tenant", "account_id"),
        *("instrument", "margin_currency", "subscription_id", "deployment_id", "trade_id"),
        *("side", "kind", "quantity", "filled", "limit_price", "trigger_price", "stop_loss"),
        *("take_profit", "leverage", "slippage", "attempt", "number", "expires_ms"),
    )
)


def ready(
    tx: Tx,
    shards: Collection[int],
    now: int,
    limit: int,
    lanes: Sequence[str] = LANES,
) -> Sequence[Row[Any]]:
    """What may leave, ways out first; within a signal in its shuffled order."""
    found: list[Row[Any]] = []
    asked = {"shards": sorted(shards), "now": now}
    for leg in lanes:
        if len(found) < limit:
            query = _ready(len(shards) == SHARDS)
            found += tx.all(query, {**asked, "at_leg": leg, "at_most": limit - len(found)})
    return found


@cache
def _ready(is_everywhere: bool) -> Select[Any]:
    return (
        select(*_LEAVING)
        .where(
            # Written out, for the index on what is ready holds nothing else.
            intents.c.state == literal_column("'READY'"),
            intents.c.leg == bindparam("at_leg"),
            owned(intents.c.shard, is_everywhere),
            intents.c.retry_ms <= bindparam("now"),
            text(_UNDOUBTED),
        )
        .order_by(intents.c.planned_ms, intents.c.rank, intents.c.id)
        .limit(bindparam("at_most"))
    )


# ---- the statement -------------------------------------------------------------------------------


class Asked(NamedTuple):
    """One intent to let out, as it was when that was decided."""

    id: str
    version: int
    epoch: int  # of the lease that we hold on its shard
    risk: str  # the decision that lets it out


_HELD = """
EXISTS (SELECT 1 FROM lease WHERE lease.role = 'trading' AND lease.shard = intent.shard
  AND lease.holder = :holder AND lease.epoch = given.epoch AND lease.expires_ms > :now)"""
_UNHALTED = """
(intent.leg <> 'entry' OR NOT EXISTS (SELECT 1 FROM halt WHERE halt.active IS TRUE
  AND halt.scope IN ('platform', 'venue:' || intent.venue, 'deployment:' || intent.deployment_id,
    'user:' || intent.tenant, 'account:' || intent.account_id,
    'instrument:' || intent.instrument)))"""
_FRESH = "(intent.leg <> 'entry' OR intent.expires_ms IS NULL OR intent.expires_ms > :now)"


def _release(is_postgres: bool) -> Any:
    asked = given(is_postgres, id=Text(), version=BigInteger(), epoch=BigInteger(), risk=Text())
    return (
        update(intents)
        .where(
            intents.c.id == asked.c.id,
            # Lest SQLite read all that is ready by its state, once for each row.
            func.coalesce(intents.c.state, "") == "READY",
            intents.c.version == asked.c.version,
            intents.c.epoch <= asked.c.epoch,
            text(_HELD),
            text(_FRESH),
            text(_UNHALTED),
            text(_UNDOUBTED),
        )
        .values(
            state="SENDING",
            attempt=intents.c.attempt + 1,
            version=intents.c.version + 1,
            signed_ms=bindparam("now"),
            looks=0,
            looked_ms=None,
            risk=asked.c.risk,
            epoch=asked.c.epoch,
        )
        .returning(intents.c.id)
    )


_RELEASE = {is_postgres: _release(is_postgres) for is_postgres in (False, True)}


def release(tx: Tx, asked: Sequence[Asked], *, holder: str, now: int) -> set[str]:
    """The one statement that lets orders out. What it does not return must not be sent.

    It cannot see what is let out beside it: of one position it is given one leg at a time.
    """
    if not asked:
        return set()
    bound = {"given": msgspec.json.encode(asked).decode(), "holder": holder, "now": now}
    return {row.id for row in tx.all(_RELEASE[tx.is_postgres], bound)}


# ---- written ahead -------------------------------------------------------------------------------

_ORDER = (
    *("id", "intent_id", "tenant", "shard", "venue", "instrument", "number", "attempt", "state"),
    *("body_sha256", "epoch", "filled", "version", *WRITTEN),
)


def add_orders(tx: Tx, rows: Sequence[dict[str, Any]]) -> None:
    """New ones, each with everything that identifies it."""
    tx.insert_tuples(orders, _ORDER, [tuple([row[name] for name in _ORDER]) for row in rows])
