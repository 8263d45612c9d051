"""Intents and their orders: how they are planned, found, and changed under guards."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    bindparam,
    func,
    insert,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.engine import Row

from control_plane.core.ids import SHARDS, AccountId
from control_plane.infra import events
from control_plane.infra.db import Tx, among
from control_plane.orders.models.states import TERMINAL, Event, State, after, is_terminal
from control_plane.orders.store.tables import intents, orders

LIVE = tuple(sorted({"PLANNED", "READY", "SENDING", "UNKNOWN", "OPEN", "PARTIAL", "CANCELLING"}))

# ---- planning ------------------------------------------------------------------------------------


def add_intents(tx: Tx, rows: Sequence[Mapping[str, Any]]) -> None:
    tx.run(insert(intents), rows)


def live_entries(tx: Tx, deployment: str) -> Sequence[Row[Any]]:
    """Entries under way of this deployment's subscriptions."""
    return tx.all(
        select(intents).where(
            intents.c.deployment_id == deployment,
            intents.c.leg == "entry",
            intents.c.state.in_(LIVE),
        )
    )


def live_exits(tx: Tx, deployment: str) -> set[str]:
    """Trades of this deployment that are on their way out."""
    query = select(intents.c.trade_id).where(
        intents.c.deployment_id == deployment,
        intents.c.leg == "exit",
        intents.c.state.in_(LIVE),
    )
    return {row.trade_id for row in tx.all(query)}


# ---- changes -------------------------------------------------------------------------------------


# Put together once: each step of each order asks.
_FIND = select(intents).where(intents.c.id == bindparam("of")).with_for_update()
_ORDER_NAMED = (
    select(orders)
    .where(
        orders.c.account_id == bindparam("of_account"),
        orders.c.client_order_id == bindparam("named"),
    )
    .with_for_update()
)
_BOUND = select(orders.c.exchange_order_id).where(
    orders.c.account_id == bindparam("of_account"),
    orders.c.exchange_order_id.is_not(None),
    orders.c.signed_ms >= bindparam("since"),
)
_OF_TRADE = select(intents).where(intents.c.trade_id == bindparam("of")).order_by(intents.c.gen)
_TOUCH = update(intents).where(
    intents.c.id == bindparam("of"), intents.c.version == bindparam("at_version")
)
_ADVANCE = _TOUCH.where(
    intents.c.state == bindparam("at_state"), intents.c.epoch <= bindparam("under")
)
_CHANGE_ORDER = update(orders).where(
    orders.c.id == bindparam("of"), orders.c.version == bindparam("at_version")
)


def find(tx: Tx, identity: str) -> Row[Any] | None:
    """To be changed: nobody else changes it before the commit."""
    return tx.first(_FIND, {"of": identity})


def advance(
    tx: Tx, row: Row[Any], event: Event, *, epoch: int, now: int, **values: Any
) -> State | None:
    """Move an intent on by the table of states; None if the event does not count or is late."""
    state = after(row.state, event)
    if state is None:
        return None
    if is_terminal(state) or is_terminal(row.state):
        values["done_ms"] = now if is_terminal(state) else None
    guarded = {"of": row.id, "at_version": row.version, "at_state": row.state, "under": epoch}
    values |= {"state": state, "version": row.version + 1, "epoch": epoch}
    changed = tx.run(_ADVANCE, {**guarded, **values})
    if not changed:
        return None
    if state != row.state:
        told = {"state": state, "leg": row.leg, "account": row.account_id}
        if values.get("reason"):
            told["reason"] = values["reason"]
        events.record(tx, f"intent_{event}", "intent", row.id, tenant=row.tenant, **told)
    return state


def touch(tx: Tx, row: Row[Any], **values: Any) -> bool:
    """Change what is no change of state."""
    guarded = {"of": row.id, "at_version": row.version}
    return bool(tx.run(_TOUCH, {**guarded, **values, "version": row.version + 1}))


def under_way(tx: Tx, shards: Collection[int], stale_ms: int) -> Sequence[Row[Any]]:
    """All that waits for something but its turn to leave; a stop that rests, only once nobody has
    looked at it since `stale_ms`.
    """
    asked = {"shards": sorted(shards), "stale": stale_ms}
    return tx.all(_under_way(len(shards) == SHARDS), asked)


@cache
def _under_way(is_everywhere: bool) -> Select[Any]:
    looked = func.coalesce(intents.c.looked_ms, intents.c.signed_ms)
    query = select(intents).where(
        owned(intents.c.shard, is_everywhere),
        or_(
            intents.c.state.in_(("PLANNED", "SENDING", "UNKNOWN", "CANCELLING")),
            and_(
                intents.c.state.in_(("OPEN", "PARTIAL")),
                or_(
                    intents.c.leg.in_(("entry", "exit")),
                    intents.c.kind == "market",  # a stop that the venue is carrying out
                    looked <= bindparam("stale"),
                ),
            ),
        ),
    )
    return query.order_by(intents.c.planned_ms, intents.c.id)


def refusals(tx: Tx, venue: str, since_ms: int, limit: int) -> list[bool]:
    """Of the venue's newest orders, whether it refused each."""
    query = select(orders.c.state).where(
        orders.c.venue == venue, orders.c.signed_ms > since_ms, orders.c.state != "SENDING"
    )
    rows = tx.all(query.order_by(orders.c.signed_ms.desc()).limit(limit))
    return [row.state == "REJECTED" for row in rows]


def entries_sent(tx: Tx, venues: Collection[str], since_ms: int) -> Sequence[Row[Any]]:
    """Entries that left since then, whatever became of them."""
    query = (
        select(
            intents.c.deployment_id,
            intents.c.account_id,
            intents.c.instrument,
            orders.c.signed_ms,
        )
        .join(intents, intents.c.id == orders.c.intent_id)
        .where(
            orders.c.venue.in_(sorted(venues)),
            orders.c.signed_ms > since_ms,
            orders.c.state != "READY",  # it was held back
            intents.c.leg == "entry",
        )
    )
    return tx.all(query)


def count_in_doubt(tx: Tx, venue: str) -> int:
    query = select(func.count()).where(intents.c.venue == venue, intents.c.state == "UNKNOWN")
    return int(tx.scalar(query))


def given_up(tx: Tx, shards: Collection[int], since_ms: int) -> Sequence[Row[Any]]:
    """Entries that were proved absent not long ago: one that was hidden may still show up."""
    asked = {"shards": sorted(shards), "since": since_ms}
    return tx.all(_given_up(len(shards) == SHARDS), asked)


@cache
def _given_up(is_everywhere: bool) -> Select[Any]:
    query = select(intents).where(
        intents.c.state == "ABANDONED",
        intents.c.leg == "entry",
        intents.c.done_ms >= bindparam("since"),
        owned(intents.c.shard, is_everywhere),
    )
    return query.order_by(intents.c.done_ms, intents.c.id).limit(500)


def in_states(tx: Tx, shards: Collection[int], states: Collection[State]) -> Sequence[Row[Any]]:
    asked = {"shards": sorted(shards), "states": sorted(states)}
    return tx.all(_in_states(len(shards) == SHARDS), asked)


@cache
def _in_states(is_everywhere: bool) -> Select[Any]:
    query = select(intents).where(
        intents.c.state.in_(bindparam("states", expanding=True)),
        owned(intents.c.shard, is_everywhere),
    )
    return query.order_by(intents.c.planned_ms, intents.c.id)


def owned_by(column: Any, shards: Collection[int]) -> Any:
    """Whoever holds every shard need not name them."""
    return true() if len(shards) == SHARDS else column.in_(sorted(shards))


def owned(column: Any, is_everywhere: bool) -> Any:
    """The same in a statement that is put together once, with its `shards` given later."""
    return true() if is_everywhere else column.in_(bindparam("shards", expanding=True))


def of_trade(tx: Tx, trade: str, leg: str | None = None) -> Sequence[Row[Any]]:
    rows = tx.all(_OF_TRADE, {"of": trade})
    return rows if leg is None else [row for row in rows if row.leg == leg]


def live_of_trade(tx: Tx, trade: str, leg: str) -> Row[Any] | None:
    rows = of_trade(tx, trade, leg)
    return next((row for row in reversed(rows) if not is_terminal(row.state)), None)


def live_of_account(tx: Tx, account: str) -> Sequence[Row[Any]]:
    query = select(intents).where(intents.c.account_id == account, intents.c.state.in_(LIVE))
    return tx.all(query)


def known_names(tx: Tx, account: str, names: Sequence[str]) -> set[str]:
    """Which of these client order ids are orders of ours."""
    query = select(orders.c.client_order_id).where(
        orders.c.account_id == account, among(tx, orders.c.client_order_id, names)
    )
    return {row.client_order_id for row in tx.all(query)}


def next_gen(tx: Tx, trade: str, leg: str) -> int:
    rows = of_trade(tx, trade, leg)
    return max((row.gen for row in rows), default=-1) + 1


def has_live_entry(tx: Tx, subscription: str) -> bool:
    query = select(intents.c.id).where(
        intents.c.subscription_id == subscription,
        intents.c.leg == "entry",
        intents.c.state.in_(LIVE),
    )
    return tx.first(query.limit(1)) is not None


def waiting_entries(tx: Tx, venue: str) -> list[tuple[AccountId, int]]:
    """How many of each account have not left yet."""
    query = (
        select(intents.c.account_id, func.count().label("number"))
        .where(intents.c.state == "READY", intents.c.leg == "entry", intents.c.venue == venue)
        .group_by(intents.c.account_id)
    )
    return [(AccountId(row.account_id), row.number) for row in tx.all(query)]


def has_earlier_entry(tx: Tx, row: Row[Any]) -> bool:
    """Whether an entry of an earlier trigger is still under way."""
    query = select(intents.c.id).where(
        intents.c.subscription_id == row.subscription_id,
        intents.c.leg == "entry",
        intents.c.trigger_ms < row.trigger_ms,
        intents.c.state.in_(LIVE),
    )
    return tx.first(query.limit(1)) is not None


# ---- orders --------------------------------------------------------------------------------------


def order_by_client_id(tx: Tx, account: str, client_order_id: str) -> Row[Any] | None:
    return tx.first(_ORDER_NAMED, {"of_account": account, "named": client_order_id})


def order_by_exchange_id(tx: Tx, account: str, exchange_order_id: str) -> Row[Any] | None:
    return tx.first(
        select(orders)
        .where(orders.c.account_id == account, orders.c.exchange_order_id == exchange_order_id)
        .with_for_update()
    )


def last_order(tx: Tx, intent: str) -> Row[Any] | None:
    """The one that counts: the newest re-pricing."""
    return tx.first(
        select(orders).where(orders.c.intent_id == intent).order_by(orders.c.number.desc()).limit(1)
    )


def last_orders(tx: Tx, of: Sequence[str]) -> dict[str, Row[Any]]:
    query = select(orders).where(among(tx, orders.c.intent_id, of)).order_by(orders.c.number)
    return {row.intent_id: row for row in tx.all(query)}


def bound_since(tx: Tx, account: str, signed_ms: int) -> frozenset[str]:
    """The venue's ids of the account's orders, of those sent since then."""
    rows = tx.all(_BOUND, {"of_account": account, "since": signed_ms})
    return frozenset(row.exchange_order_id for row in rows)


def add_order(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(insert(orders), row)


def change_order(tx: Tx, row: Row[Any], **values: Any) -> bool:
    guarded = {"of": row.id, "at_version": row.version}
    return bool(tx.run(_CHANGE_ORDER, {**guarded, **values, "version": row.version + 1}))


_COVERED = {
    "venue": intents.c.venue,
    "deployment": intents.c.deployment_id,
    "user": intents.c.tenant,
    "account": intents.c.account_id,
    "instrument": intents.c.instrument,
}


def deny_unsent(tx: Tx, scope: str, reason: str, now: int) -> int:
    """A halt's own statement: entries of its scope that have not left do not leave."""
    kind, _, name = scope.partition(":")
    covered = [intents.c.leg == "entry", intents.c.state.in_(("PLANNED", "READY"))]
    if kind in _COVERED:
        covered.append(_COVERED[kind] == name)
    rows = tx.all(select(intents.c.id, intents.c.tenant).where(*covered).with_for_update())
    tx.run(
        update(intents)
        .where(*covered)
        .values(state="DENIED", reason=reason, done_ms=now, version=intents.c.version + 1)
    )
    told = {"state": "DENIED", "leg": "entry", "reason": reason}
    events.record_many(tx, "intent_denied", "intent", [(r.id, r.tenant, told) for r in rows])
    return len(rows)


assert set(LIVE) == set(State.__args__) - TERMINAL  # type: ignore[attr-defined] # a Literal has them
