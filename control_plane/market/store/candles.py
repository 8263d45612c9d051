"""Candles: stored once, never repainted."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, delete, func, or_, select

from control_plane.infra.db import Tx, among
from control_plane.market.models.aggregation import BUILT_FROM
from control_plane.market.models.trades import Closed
from control_plane.market.store.catalogue import active_instruments
from control_plane.market.store.tables import candles, instruments, wants
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, open_of, sequence

BATCH = 1_000
SAMPLES = 50
PRICES = ("open_ms", "open", "high", "low", "close", "volume")
COLUMNS = (
    "instrument",
    "resolution",
    "open_ms",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "published_ms",
    "gap_filled",
)
DAY_MS = DURATION_MS["1d"]

# How long short candles are kept, in market time: a fast simulation makes months of them in a day.
KEPT_MS: Mapping[Resolution, int] = {"1m": 100 * DAY_MS, "5m": 500 * DAY_MS}

_FED = "SELECT id FROM instrument WHERE feed = ? AND id IN (SELECT value FROM json_each(?))"


def add_fed(tx: Tx, closed: Sequence[Closed], feed: str) -> Sequence[Closed]:
    """Those of them that this feed still feeds, and no others: one that has lost an instrument to
    another feed must not go on with that one's past.
    """
    ids = {one.instrument for one in closed}
    if tx.is_postgres:
        query = select(instruments.c.id).where(instruments.c.feed == feed)
        # Locked, so that who takes it over waits, and then deletes these as well.
        rows = tx.all(query.where(among(tx, instruments.c.id, ids)).with_for_update(read=True))
    else:  # a hundred instruments close at one moment, and all of them wait for this
        rows = tx.connection.exec_driver_sql(_FED, (feed, json.dumps(sorted(ids)))).all()
    fed = {row[0] for row in rows}
    kept = closed if fed == ids else [one for one in closed if one.instrument in fed]
    add_candles(tx, kept)
    return kept


def add_candles(tx: Tx, closed: Sequence[Closed]) -> None:
    """A candle that is stored already stays as it is: what was closed once is never repainted."""
    for start in range(0, len(closed), BATCH):
        rows = [_candle_values(one) for one in closed[start : start + BATCH]]
        tx.insert_missing_tuples(candles, COLUMNS, rows)


def count_candles(tx: Tx, instrument: str) -> int:
    query = select(func.count()).select_from(candles).where(candles.c.instrument == instrument)
    return int(tx.scalar(query))


def forget_candles(tx: Tx, instrument: str, now_ms: int) -> None:
    for resolution, kept_ms in KEPT_MS.items():
        tx.run(
            delete(candles).where(
                candles.c.instrument == instrument,
                candles.c.resolution == resolution,
                candles.c.open_ms < now_ms - kept_ms,
            )
        )


def latest_candles(
    tx: Tx,
    instrument: str,
    resolution: str,
    limit: int,
    *,
    since_ms: int | None = None,
    until_ms: int | None = None,
) -> list[Candle]:
    """The newest, oldest first; `until_ms` is the first open time that is not wanted."""
    query = select(candles).where(
        candles.c.instrument == instrument, candles.c.resolution == resolution
    )
    if since_ms is not None:
        query = query.where(candles.c.open_ms >= since_ms)
    if until_ms is not None:
        query = query.where(candles.c.open_ms < until_ms)
    rows = tx.all(query.order_by(candles.c.open_ms.desc()).limit(limit))
    return [_candle(row) for row in reversed(rows)]


def prices(
    tx: Tx, instrument: str, resolution: Resolution, since_ms: int, until_ms: int
) -> Sequence[tuple[Any, ...]]:
    """Open times, prices and volumes alone, oldest first: for who reads very many."""
    its = (candles.c.instrument == instrument, candles.c.resolution == resolution)
    span = (candles.c.open_ms >= since_ms, candles.c.open_ms < until_ms)
    query = select(*(candles.c[name] for name in PRICES)).where(*its, *span)
    return [tuple(row) for row in tx.all(query.order_by(candles.c.open_ms))]


def outline(
    tx: Tx, instrument: str, resolution: Resolution, since_ms: int, until_ms: int
) -> tuple[object, ...]:
    """What differs whenever these candles do, without a look at each: candles only ever come, or
    go, and where a feed takes an instrument over all of them are others.
    """
    its = (candles.c.instrument == instrument, candles.c.resolution == resolution)
    opened, width = candles.c.open_ms, DURATION_MS[resolution]
    query = select(func.count(), func.min(opened), func.max(opened))
    (found,) = tx.all(query.where(*its, opened >= since_ms, opened < until_ms))
    count, first, last = tuple(found)
    if not count:
        return ()
    step = (last - first) // width // SAMPLES * width or width
    looks = select(candles).where(*its, opened.in_(range(first, last + 1, step)))
    samples = [_candle(row) for row in tx.all(looks.order_by(opened))]
    return count, first, last, *((c.open, c.high, c.low, c.close, c.volume) for c in samples)


def last_minute(tx: Tx, instrument: str) -> Candle | None:
    found = latest_candles(tx, instrument, "1m", 1)
    return found[0] if found else None


def last_closes(tx: Tx) -> Mapping[str, tuple[int, float]]:
    """When the last minute opened and what it closed at, of every instrument that anybody fed: of
    the simulated ones, and of those that are wanted.
    """
    # One look into the index for each: an exchange lists thousands that nobody looks at.
    newest = (
        select(candles.c.open_ms)
        .where(candles.c.instrument == instruments.c.id, candles.c.resolution == "1m")
        .order_by(candles.c.open_ms.desc())
        .limit(1)
    )
    query = select(
        instruments.c.id,
        newest.scalar_subquery().label("open_ms"),
        newest.with_only_columns(candles.c.close).scalar_subquery().label("close"),
    ).where(
        instruments.c.active,
        or_(instruments.c.feed == "simulated", instruments.c.id.in_(select(wants.c.instrument))),
    )
    return {row.id: (row.open_ms, row.close) for row in tx.all(query) if row.open_ms is not None}


def open_parts(tx: Tx, instrument: str, next_open_ms: int) -> Mapping[Resolution, Sequence[Candle]]:
    """For each longer candle that is under way when this minute opens: its parts so far."""
    return {
        whole: latest_candles(
            tx,
            instrument,
            part,
            DURATION_MS[whole] // DURATION_MS[part],
            since_ms=open_of(whole, next_open_ms),
            until_ms=next_open_ms,
        )
        for whole, part in BUILT_FROM.items()
    }


def newest_minute_ms(tx: Tx, feed: str) -> int | None:
    """The open time of the newest minute of any instrument of the feed."""
    # One look into the index for each: a maximum over all of them would read every row.
    lasts = [last_minute(tx, instrument.id) for instrument in active_instruments(tx, feed)]
    return max((last.open_ms for last in lasts if last is not None), default=None)


def _candle_values(closed: Closed) -> tuple[Any, ...]:
    candle = closed.candle
    return (
        closed.instrument,
        closed.resolution,
        candle.open_ms,
        candle.open,
        candle.high,
        candle.low,
        candle.close,
        candle.volume,
        candle.published_ms,
        candle.gap_filled,
    )


def _candle(row: Row[Any]) -> Candle:
    return Candle(
        row.open_ms,
        row.open,
        row.high,
        row.low,
        row.close,
        row.volume,
        sequence(row.resolution, row.open_ms),
        row.published_ms,
        row.gap_filled,
    )
