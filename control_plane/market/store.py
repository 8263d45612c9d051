"""Instruments, candles, who wants which of them, and how each feed's time runs."""

from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

import msgspec
from sqlalchemy import BigInteger, Row, Text, bindparam, delete, func, insert, select, update
from sqlmodel import Field, SQLModel

from control_plane.core.clock import MarketTime
from control_plane.infra import events
from control_plane.infra.db import Money, Tx, insert_missing, table
from control_plane.market.models.aggregation import BUILT_FROM
from control_plane.market.models.choice import Choice
from control_plane.market.models.lag import Lag
from control_plane.market.models.trades import Closed
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, Resolution, open_of, sequence

BATCH = 1_000
DAY_MS = DURATION_MS["1d"]

# How long short candles are kept, in market time: a fast simulation makes months of them in a day.
KEPT_MS: Mapping[Resolution, int] = {"1m": 100 * DAY_MS, "5m": 500 * DAY_MS}


# They follow the price all day long.
QUIET = frozenset({"min_price", "max_price"})


class InstrumentRow(SQLModel, table=True):
    """Columns are the fields of `rules.Instrument`, with the feed that delivers it."""

    __tablename__: ClassVar[str] = "instrument"

    id: str = Field(primary_key=True)  # spot:B-BTC_USDT, fut:B-BTC_USDT
    kind: str  # spot | fut
    pair: str
    base: str
    quote: str
    feed: str = "simulated"
    active: bool = True
    exit_only: bool = False
    tick_size: Decimal = Field(sa_type=Money)
    quantity_step: Decimal = Field(sa_type=Money)
    min_quantity: Decimal = Field(sa_type=Money)
    max_quantity: Decimal | None = Field(default=None, sa_type=Money)
    min_notional: Decimal = Field(sa_type=Money)
    max_leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    leverage_tiers: str = Field(default="[]", sa_type=Text)  # [["25","50000"], …]
    maintenance_rate: Decimal = Field(default=Decimal("0.02"), sa_type=Money)
    maker_fee: Decimal = Field(sa_type=Money)
    taker_fee: Decimal = Field(sa_type=Money)
    order_types: str = "limit,market,stop_limit,stop_market"
    version: int = 1  # rises with each change of a rule
    max_market_quantity: Decimal | None = Field(default=None, sa_type=Money)
    min_price: Decimal | None = Field(default=None, sa_type=Money)
    max_price: Decimal | None = Field(default=None, sa_type=Money)
    band_up: Decimal | None = Field(default=None, sa_type=Money)
    band_down: Decimal | None = Field(default=None, sa_type=Money)


class CandleRow(SQLModel, table=True):
    """Prices of candles are measurements, not money: floats, as every indicator wants them."""

    __tablename__: ClassVar[str] = "candle"

    instrument: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    open_ms: int = Field(primary_key=True, sa_type=BigInteger)
    open: float
    high: float
    low: float
    close: float
    volume: float
    published_ms: int = Field(default=0, sa_type=BigInteger)  # operational time
    gap_filled: bool = False


class MarketTimeRow(SQLModel, table=True):
    """How a feed's time follows real time."""

    __tablename__: ClassVar[str] = "market_time"

    feed: str = Field(primary_key=True)
    anchor_market_ms: int = Field(sa_type=BigInteger)
    anchor_real_ms: int = Field(sa_type=BigInteger)
    speed: float = 1.0
    seed: int = Field(default=0, sa_type=BigInteger)


class LagRow(SQLModel, table=True):
    """An instrument whose feed is behind or cannot be believed: no entry is made on its prices."""

    __tablename__: ClassVar[str] = "market_lag"

    instrument: str = Field(primary_key=True)
    feed: str
    reason: str
    since_ms: int = Field(sa_type=BigInteger)


class RateRow(SQLModel, table=True):
    """What one unit of a currency costs in another where an exchange converts at a price of its
    own.
    """

    __tablename__: ClassVar[str] = "market_rate"

    currency: str = Field(primary_key=True)
    priced_in: str = Field(primary_key=True)
    price: Decimal = Field(sa_type=Money)
    read_ms: int = Field(sa_type=BigInteger)


class WantRow(SQLModel, table=True):
    """Somebody reads this history: its stream is kept as long as anybody does."""

    __tablename__: ClassVar[str] = "market_want"

    instrument: str = Field(primary_key=True)
    resolution: str = Field(primary_key=True)
    wanted_by: str = Field(primary_key=True, index=True)
    lookback: int


instruments = table(InstrumentRow)
candles = table(CandleRow)
market_times = table(MarketTimeRow)
lags = table(LagRow)
rates = table(RateRow)
wants = table(WantRow)

# ---- instruments ---------------------------------------------------------------------------------


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
    row = tx.first(select(instruments).where(instruments.c.id == identity))
    return None if row is None else _instrument(row)


def feed_of(tx: Tx, identity: str) -> str | None:
    found: str | None = tx.scalar(select(instruments.c.feed).where(instruments.c.id == identity))
    return found


def active_instruments(tx: Tx, feed: str | None = None) -> list[Instrument]:
    query = select(instruments).where(instruments.c.active).order_by(instruments.c.id)
    if feed is not None:
        query = query.where(instruments.c.feed == feed)
    return [_instrument(row) for row in tx.all(query)]


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


# ---- candles -------------------------------------------------------------------------------------


def add_candles(tx: Tx, closed: Sequence[Closed]) -> None:
    """A candle that is stored already stays as it is: what was closed once is never repainted."""
    statement = insert_missing(tx, candles)
    for start in range(0, len(closed), BATCH):
        tx.run(statement, [_candle_values(one) for one in closed[start : start + BATCH]])


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


def last_minute(tx: Tx, instrument: str) -> Candle | None:
    found = latest_candles(tx, instrument, "1m", 1)
    return found[0] if found else None


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


def _candle_values(closed: Closed) -> dict[str, Any]:
    candle = closed.candle
    return {
        "instrument": closed.instrument,
        "resolution": closed.resolution,
        "open_ms": candle.open_ms,
        "open": candle.open,
        "high": candle.high,
        "low": candle.low,
        "close": candle.close,
        "volume": candle.volume,
        "published_ms": candle.published_ms,
        "gap_filled": candle.gap_filled,
    }


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


# ---- wants ---------------------------------------------------------------------------------------


def add_want(tx: Tx, instrument: str, resolution: str, lookback: int, wanted_by: str) -> None:
    key = {"instrument": instrument, "resolution": resolution, "wanted_by": wanted_by}
    changed = tx.run(
        update(wants)
        .where(*(wants.c[name] == value for name, value in key.items()))
        .values(lookback=lookback)
    )
    if not changed:
        tx.run(insert(wants), {**key, "lookback": lookback})


def remove_wants(tx: Tx, wanted_by: str) -> None:
    tx.run(delete(wants).where(wants.c.wanted_by == wanted_by))


def wanted(tx: Tx) -> Mapping[tuple[str, Resolution], int]:
    """The longest look-back of each history that anybody reads."""
    longest = func.max(wants.c.lookback).label("lookback")
    query = select(wants.c.instrument, wants.c.resolution, longest).group_by(
        wants.c.instrument, wants.c.resolution
    )
    return {(row.instrument, row.resolution): row.lookback for row in tx.all(query)}


# ---- lags ----------------------------------------------------------------------------------------


def lagging(tx: Tx) -> list[Lag]:
    rows = tx.all(select(lags).order_by(lags.c.since_ms, lags.c.instrument))
    return [Lag(row.instrument, row.feed, row.reason, row.since_ms) for row in rows]


def lag_of(tx: Tx, instrument: str) -> str | None:
    found: str | None = tx.scalar(select(lags.c.reason).where(lags.c.instrument == instrument))
    return found


def put_lag(tx: Tx, instrument: str, feed: str, reason: str | None) -> None:
    """Say that an instrument is behind, or with no reason that it has caught up."""
    known = lag_of(tx, instrument)
    if known == reason:
        return
    tx.run(delete(lags).where(lags.c.instrument == instrument))
    if reason is None:
        events.record(tx, "instrument_caught_up", "instrument", instrument, feed=feed)
        return
    tx.run(
        insert(lags),
        {"instrument": instrument, "feed": feed, "reason": reason, "since_ms": tx.now_ms()},
    )
    events.record(tx, "instrument_lagging", "instrument", instrument, feed=feed, reason=reason)


# ---- rates ---------------------------------------------------------------------------------------


def put_rate(tx: Tx, currency: str, priced_in: str, price: Decimal) -> None:
    key = [rates.c.currency == currency, rates.c.priced_in == priced_in]
    before = tx.first(select(rates).where(*key))
    values = {"price": price, "read_ms": tx.now_ms()}
    if before is None:
        tx.run(insert(rates), {"currency": currency, "priced_in": priced_in, **values})
    else:
        tx.run(update(rates).where(*key).values(values))
    if before is None or before.price != price:
        kind = "conversion_price_changed"
        events.record(tx, kind, "currency", currency, priced_in=priced_in, price=price)


def find_rate(tx: Tx, currency: str, priced_in: str) -> tuple[Decimal, int] | None:
    """The price, and when it was read."""
    row = tx.first(
        select(rates).where(rates.c.currency == currency, rates.c.priced_in == priced_in)
    )
    return None if row is None else (row.price, row.read_ms)


# ---- time ----------------------------------------------------------------------------------------


def find_time(tx: Tx, feed: str) -> MarketTime | None:
    row = tx.first(select(market_times).where(market_times.c.feed == feed))
    if row is None:
        return None
    return MarketTime(row.anchor_market_ms, row.anchor_real_ms, row.speed)


def find_pace(tx: Tx, feed: str) -> tuple[float, int] | None:
    """Its speed and its seed."""
    row = tx.first(select(market_times).where(market_times.c.feed == feed))
    return None if row is None else (row.speed, row.seed)


_TIME_OF = (
    select(market_times)
    .join(instruments, instruments.c.feed == market_times.c.feed)
    .where(instruments.c.id == bindparam("instrument"))
)


def find_time_of(tx: Tx, instrument: str) -> MarketTime | None:
    """Each decision of each deployment asks: one statement, built once."""
    row = tx.first(_TIME_OF, {"instrument": instrument})
    if row is None:
        return None
    return MarketTime(row.anchor_market_ms, row.anchor_real_ms, row.speed)


def keep_time(tx: Tx, feed: str, time: MarketTime, seed: int, reason: str) -> None:
    values: dict[str, Any] = {
        "anchor_market_ms": time.anchor_market_ms,
        "anchor_real_ms": time.anchor_real_ms,
        "speed": time.speed,
        "seed": seed,
    }
    if not tx.run(update(market_times).where(market_times.c.feed == feed).values(values)):
        tx.run(insert(market_times), {"feed": feed, **values})
    events.record(tx, "market_time_set", "feed", feed, reason=reason, **values)
