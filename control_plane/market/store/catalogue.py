"""Instruments, each of one feed."""

from collections.abc import Collection, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from sqlalchemy import Row, bindparam, delete, select, update

from control_plane.infra import events
from control_plane.infra.db import Tx, among, insert_missing
from control_plane.market.models.choice import Choice
from control_plane.market.store.tables import candles, instruments
from strategy_runtime.rules.instruments import Instrument

# They follow the price all day long.
QUIET = frozenset({"min_price", "max_price"})


def list_instruments(
    tx: Tx, instrument: Sequence[Instrument], feed: str, choice: Choice | None = None
) -> None:
    """Make the table say what the feed says, and leave a trace of every rule that changed. What
    another feed holds it takes over only if it is preferred.
    """
    choice = choice or Choice((feed,))
    known = {row.id: row for row in tx.all(select(instruments))}
    for listed in instrument:
        if not choice.may_list(feed, listed.id):
            continue
        old = known.get(listed.id)
        if old is not None and old.feed != feed and not choice.takes(feed, listed.id, old.feed):
            continue
        known.pop(listed.id, None)
        _list(tx, listed, feed, old)
    for row in known.values():
        if row.active and row.feed == feed:
            _delist(tx, row)


def _list(tx: Tx, listed: Instrument, feed: str, old: Row[Any] | None) -> None:
    values = {**_instrument_values(listed), "feed": feed}
    if old is None:
        tx.run(insert_missing(tx, instruments), {**values, "version": 1})
        events.record(tx, "instrument_listed", "instrument", listed.id)
        return

    changed = sorted(k for k, v in values.items() if old._mapping[k] != v)
    if not changed:
        return
    values["version"] = old.version + 1
    tx.run(update(instruments).where(instruments.c.id == listed.id).values(values))
    if "feed" in changed:
        # Another market's past is not this one's: strategies must never see the two as one.
        tx.run(delete(candles).where(candles.c.instrument == listed.id))
        kind = "instrument_feed_changed"
        events.record(tx, kind, "instrument", listed.id, before=old.feed, feed=feed)
    if set(changed) - QUIET:
        events.record(tx, "instrument_changed", "instrument", listed.id, rules=changed)


def _delist(tx: Tx, row: Row[Any]) -> None:
    gone = {"active": False, "version": row.version + 1}
    tx.run(update(instruments).where(instruments.c.id == row.id).values(gone))
    events.record(tx, "instrument_delisted", "instrument", row.id)


def retire_feeds(tx: Tx, feeds: Collection[str]) -> None:
    """What only feeds list that do not run here any more is offered no longer."""
    for row in tx.all(select(instruments).where(instruments.c.active)):
        if row.feed not in feeds:
            _delist(tx, row)


def find_instrument(tx: Tx, identity: str) -> Instrument | None:
    row = tx.first(_FIND, {"of": identity})
    return None if row is None else _instrument(row)


_FIND = select(instruments).where(instruments.c.id == bindparam("of"))


def feed_of(tx: Tx, identity: str) -> str | None:
    found: str | None = tx.scalar(select(instruments.c.feed).where(instruments.c.id == identity))
    return found


def active_instruments(tx: Tx, feed: str | None = None) -> list[Instrument]:
    query = select(instruments).where(instruments.c.active).order_by(instruments.c.id)
    if feed is not None:
        query = query.where(instruments.c.feed == feed)
    return [_instrument(row) for row in tx.all(query)]


def active_among(tx: Tx, ids: Collection[str], feed: str | None = None) -> list[Instrument]:
    query = select(instruments).where(instruments.c.active, among(tx, instruments.c.id, ids))
    if feed is not None:
        query = query.where(instruments.c.feed == feed)
    return [_instrument(row) for row in tx.all(query.order_by(instruments.c.id))]


def spot_of(tx: Tx, base: str, quote: str | None = None) -> list[str]:
    """The ids of what trades this currency for others, or for one."""
    query = select(instruments.c.id).where(
        instruments.c.active, instruments.c.kind == "spot", instruments.c.base == base
    )
    if quote is not None:
        query = query.where(instruments.c.quote == quote)
    return [row.id for row in tx.all(query.order_by(instruments.c.id))]


def _instrument_values(listed: Instrument) -> dict[str, Any]:
    names = [c.name for c in instruments.columns if c.name not in {"feed", "version"}]
    values = {name: getattr(listed, name) for name in names}
    values["order_types"] = ",".join(listed.order_types)
    values["leverage_tiers"] = msgspec.json.encode(listed.leverage_tiers).decode()
    return values


def _instrument(row: Row[Any]) -> Instrument:
    values = {key: value for key, value in row._mapping.items() if key != "feed"}
    values["order_types"] = tuple(row.order_types.split(","))
    tiers = msgspec.json.decode(row.leverage_tiers)
    values["leverage_tiers"] = tuple((Decimal(most), Decimal(upto)) for most, upto in tiers)
    return Instrument(**values)
