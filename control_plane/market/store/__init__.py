"""Instruments, candles, and how each feed stands."""

from control_plane.market.store.candles import (
    add_candles,
    count_candles,
    forget_candles,
    last_minute,
    latest_candles,
    newest_minute_ms,
    open_parts,
)
from control_plane.market.store.catalogue import (
    active_instruments,
    feed_of,
    find_instrument,
    list_instruments,
    retire_feeds,
)
from control_plane.market.store.feeds import (
    add_want,
    find_pace,
    find_rate,
    find_time,
    find_time_of,
    keep_time,
    lag_of,
    lagging,
    put_lag,
    put_rate,
    remove_wants,
    wanted,
)
from control_plane.market.store.tables import instruments, market_times

__all__ = [
    "active_instruments",
    "add_candles",
    "add_want",
    "count_candles",
    "feed_of",
    "find_instrument",
    "find_pace",
    "find_rate",
    "find_time",
    "find_time_of",
    "forget_candles",
    "instruments",
    "keep_time",
    "lag_of",
    "lagging",
    "last_minute",
    "latest_candles",
    "list_instruments",
    "market_times",
    "newest_minute_ms",
    "open_parts",
    "put_lag",
    "put_rate",
    "remove_wants",
    "retire_feeds",
    "wanted",
]
