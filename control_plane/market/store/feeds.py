"""How each feed stands: who wants what of it, which instruments are behind, how its time runs, and
at which price its exchange converts.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update

from control_plane.core.clock import MarketTime
from control_plane.infra import events
from control_plane.infra.db import Tx
from control_plane.market.models.lag import Lag
from control_plane.market.store.tables import instruments, lags, market_times, rates, wants
from strategy_runtime.wire.resolutions import Resolution

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
