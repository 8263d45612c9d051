"""Trades, fills, the ledger, cursors and who owns a futures position."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from functools import cache
from typing import Any

from sqlalchemy import Double, Select, and_, bindparam, cast, delete, insert, or_, select, update
from sqlalchemy.engine import Row

from control_plane.core.ids import SHARDS
from control_plane.infra import events
from control_plane.infra.db import Superseded, Tx, among, insert_missing
from control_plane.orders.store.intents import owned, owned_by
from control_plane.orders.store.tables import (
    cursors,
    exposure_owners,
    fills,
    ledger,
    orders,
    stray_fills,
    trades,
)

_SLACK = 1e-9


# Put together once: each step of each trade asks.
_FIND = select(trades).where(trades.c.id == bindparam("of")).with_for_update()
_CHANGE = update(trades).where(
    trades.c.id == bindparam("of"),
    trades.c.version == bindparam("at_version"),
    trades.c.epoch <= bindparam("under"),
)


def find(tx: Tx, identity: str) -> Row[Any] | None:
    return tx.first(_FIND, {"of": identity})


def still_open(tx: Tx, identities: Collection[str]) -> frozenset[str]:
    """Which of these are open, and stay so until the commit."""
    if not identities:
        return frozenset()
    query = select(trades.c.id).where(
        among(tx, trades.c.id, identities), trades.c.state != "closed"
    )
    return frozenset(row.id for row in tx.all(query.order_by(trades.c.id).with_for_update()))


def add(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(insert(trades), row)
    events.record(
        tx,
        "trade_opened",
        "trade",
        row["id"],
        tenant=row["tenant"],
        side=row["side"],
        instrument=row["instrument"],
        subscription=row["subscription_id"],
    )


def change(tx: Tx, row: Row[Any], *, epoch: int, event: str | None = None, **values: Any) -> None:
    """Or nothing of the transaction happens."""
    guarded = {"of": row.id, "at_version": row.version, "under": epoch}
    changed = tx.run(_CHANGE, {**guarded, **values, "version": row.version + 1, "epoch": epoch})
    if not changed:
        raise Superseded(f"Trade {row.id} is somebody else's by now, or was changed meanwhile.")
    if event is not None:
        told = {
            name: values[name] for name in ("state", "exit_reason", "pnl", "dust") if name in values
        }
        events.record(tx, event, "trade", row.id, tenant=row.tenant, **told)


def open_of_deployment(tx: Tx, deployment: str) -> Sequence[Row[Any]]:
    return tx.all(
        select(trades).where(trades.c.deployment_id == deployment, trades.c.state != "closed")
    )


def open_of_subscription(tx: Tx, subscription: str) -> Sequence[Row[Any]]:
    return tx.all(
        select(trades).where(trades.c.subscription_id == subscription, trades.c.state != "closed")
    )


def open_anywhere(tx: Tx) -> Sequence[Row[Any]]:
    columns = (
        trades.c.venue,
        trades.c.deployment_id,
        trades.c.tenant,
        trades.c.account_id,
        trades.c.instrument,
    )
    return tx.all(select(*columns).where(trades.c.state != "closed"))


def open_of_account(tx: Tx, account: str) -> Sequence[Row[Any]]:
    return tx.all(select(trades).where(trades.c.account_id == account, trades.c.state != "closed"))


def filled_since(tx: Tx, account: str, since_ms: int) -> bool:
    query = select(fills.c.order_id).where(
        fills.c.account_id == account, fills.c.recorded_ms >= since_ms
    )
    return tx.first(query.limit(1)) is not None


def holding(tx: Tx, subscriptions: Collection[str]) -> set[str]:
    """Which of these subscriptions have an open trade."""
    query = select(trades.c.subscription_id).where(
        among(tx, trades.c.subscription_id, subscriptions), trades.c.state != "closed"
    )
    return {row.subscription_id for row in tx.all(query)}


def open_in(tx: Tx, shards: Collection[int], states: Collection[str]) -> Sequence[Row[Any]]:
    asked = {"states": sorted(states), "shards": sorted(shards)}
    return tx.all(_open_in(len(shards) == SHARDS), asked)


@cache
def _open_in(is_everywhere: bool) -> Select[Any]:
    query = select(trades).where(
        trades.c.state.in_(bindparam("states", expanding=True)),
        owned(trades.c.shard, is_everywhere),
    )
    return query.order_by(trades.c.opened_ms, trades.c.id)


def holding_accounts(tx: Tx, shards: Collection[int]) -> dict[str, set[str]]:
    query = _holding_accounts(len(shards) == SHARDS)
    found: dict[str, set[str]] = {}
    for row in tx.all(query, {"shards": sorted(shards)}):
        found.setdefault(row.venue, set()).add(row.account_id)
    return found


@cache
def _holding_accounts(is_everywhere: bool) -> Select[Any]:
    query = select(trades.c.venue, trades.c.account_id)
    return query.where(trades.c.state != "closed", owned(trades.c.shard, is_everywhere)).distinct()


def open_instruments(tx: Tx, shards: Collection[int]) -> set[str]:
    query = select(trades.c.instrument).where(
        trades.c.state != "closed", owned_by(trades.c.shard, shards)
    )
    return {row.instrument for row in tx.all(query.distinct())}


def reached(tx: Tx, shards: Collection[int], instrument: str, price: Decimal) -> list[Row[Any]]:
    """Trades whose target, or software stop, this price may set off; who asks compares exactly."""
    at = float(price)
    bound = {"at_instrument": instrument, "low": at * (1 - _SLACK), "high": at * (1 + _SLACK)}
    return [row for row in tx.all(_REACHED, bound) if row.shard in shards]


def _reached() -> Select[Any]:
    low: Any = bindparam("low")
    high: Any = bindparam("high")
    stop, target = cast(trades.c.stop_loss, Double), cast(trades.c.take_profit, Double)
    is_long, watched = trades.c.side == "LONG", trades.c.software_stop.is_(True)
    return select(trades.c.id, trades.c.shard).where(
        trades.c.instrument == bindparam("at_instrument"),
        trades.c.state.in_(("unprotected", "protected", "unstopped")),
        or_(
            and_(is_long, or_(target <= high, and_(watched, stop >= low))),
            and_(~is_long, or_(target >= low, and_(watched, stop <= high))),
        ),
    )


_REACHED = _reached()  # asked at every tick


def last_generation(tx: Tx, subscription: str, instrument: str) -> Row[Any] | None:
    """The newest trade before this one, open or closed."""
    return tx.first(
        select(trades)
        .where(trades.c.subscription_id == subscription, trades.c.instrument == instrument)
        .order_by(trades.c.position_generation.desc())
        .limit(1)
    )


# ---- fills and the ledger ------------------------------------------------------------------------


def has_fill(tx: Tx, account: str, fill: str) -> bool:
    query = select(fills.c.order_id).where(
        fills.c.account_id == account, fills.c.exchange_fill_id == fill
    )
    return tx.first(query) is not None


def add_fill(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(insert(fills), row)


def add_stray(tx: Tx, row: Mapping[str, Any]) -> bool:
    """Whether it is new."""
    return tx.run(insert_missing(tx, stray_fills), row) == 1


def strays_bound(tx: Tx, accounts: Sequence[str]) -> dict[str, list[Row[Any]]]:
    """Stray fills whose order is known by now, by account."""
    query = (
        select(stray_fills)
        .join(
            orders,
            and_(
                orders.c.account_id == stray_fills.c.account_id,
                orders.c.exchange_order_id == stray_fills.c.exchange_order_id,
            ),
        )
        .where(among(tx, stray_fills.c.account_id, accounts))
    )
    found: dict[str, list[Row[Any]]] = {}
    for row in tx.all(query.order_by(stray_fills.c.account_id, stray_fills.c.seen_ms)):
        found.setdefault(row.account_id, []).append(row)
    return found


def forget_stray(tx: Tx, account: str, fill: str) -> None:
    tx.run(
        delete(stray_fills).where(
            stray_fills.c.account_id == account, stray_fills.c.exchange_fill_id == fill
        )
    )


def add_ledger(tx: Tx, row: Mapping[str, Any]) -> None:
    tx.run(insert_missing(tx, ledger), row)


def booked_since(tx: Tx, subscriptions: Sequence[str], since_ms: int) -> Sequence[Row[Any]]:
    return tx.all(
        select(ledger.c.subscription_id, ledger.c.kind, ledger.c.amount, ledger.c.currency).where(
            among(tx, ledger.c.subscription_id, subscriptions), ledger.c.at_ms >= since_ms
        )
    )


def booked_of_trade(tx: Tx, trade: str) -> Sequence[Row[Any]]:
    return tx.all(select(ledger).where(ledger.c.trade_id == trade).order_by(ledger.c.at_ms))


def cursors_of(tx: Tx, accounts: Sequence[str]) -> dict[str, str]:
    query = select(cursors).where(among(tx, cursors.c.account_id, accounts))
    return {row.account_id: row.cursor for row in tx.all(query)}


def keep_cursor(tx: Tx, account: str, cursor: str) -> None:
    changed = tx.run(update(cursors).where(cursors.c.account_id == account).values(cursor=cursor))
    if not changed:
        tx.run(insert(cursors), {"account_id": account, "cursor": cursor})


# ---- who owns a futures position -----------------------------------------------------------------


def claim(tx: Tx, account: str, position: str, subscription: str) -> bool:
    """Whether this subscription owns the position, now that it has asked."""
    tx.run(
        insert_missing(tx, exposure_owners),
        {"account_id": account, "position": position, "subscription_id": subscription},
    )
    return owner(tx, account, position) == subscription


def claim_each(tx: Tx, claims: Sequence[tuple[str, str, str]]) -> set[tuple[str, str, str]]:
    """Of (account, position, subscription), which own what they asked for; the first one wins."""
    names = ("account_id", "position", "subscription_id")
    rows = [dict(zip(names, claim, strict=True)) for claim in claims]
    if not rows:
        return set()
    tx.run(insert_missing(tx, exposure_owners), rows)
    held = owners(tx, sorted({account for account, _, _ in claims}))
    return {claim for claim in claims if held.get(claim[:2]) == claim[2]}


def owner(tx: Tx, account: str, position: str) -> str | None:
    row = tx.first(
        select(exposure_owners.c.subscription_id).where(
            exposure_owners.c.account_id == account, exposure_owners.c.position == position
        )
    )
    return None if row is None else str(row.subscription_id)


def owners(tx: Tx, accounts: Sequence[str]) -> dict[tuple[str, str], str]:
    query = select(exposure_owners).where(among(tx, exposure_owners.c.account_id, accounts))
    return {(row.account_id, row.position): row.subscription_id for row in tx.all(query)}


def disclaim(tx: Tx, account: str, position: str, subscription: str) -> None:
    tx.run(
        delete(exposure_owners).where(
            exposure_owners.c.account_id == account,
            exposure_owners.c.position == position,
            exposure_owners.c.subscription_id == subscription,
        )
    )
