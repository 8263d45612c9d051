"""Trades per second through aggregation, on one core: every trade into its minute, every minute
into all eleven resolutions. Beside it a loop that only looks at each trade, and the same with each
hundredth trade repeated and each fiftieth late.

    python -m benchmarks.ticks [TRADES]
"""

import gc
import sys
import time
from collections.abc import Callable, Sequence

from control_plane.market.models import simulation
from control_plane.market.models.aggregation import Minutes, Rollup
from control_plane.market.models.catalogue import BY_ID
from control_plane.market.models.trades import MINUTE_MS, Trade

LISTING = BY_ID["fut:B-BTC_USDT"]
START = 1_767_571_200_000  # a Monday: the longest candles close on time
ROUNDS = 5
TARGET = 200_000


def history(count: int) -> list[Trade]:
    made: list[Trade] = []
    open_ms, close = START, float(LISTING.price)
    while len(made) < count:
        minute = simulation.trades(LISTING, 7, open_ms, close)
        made += minute
        close = float(minute[-1].price) if minute else close
        open_ms += MINUTE_MS
    return made[:count]


def disturbed(trades: Sequence[Trade]) -> list[Trade]:
    """Each hundredth comes twice, each fiftieth some places too late."""
    messy = list(trades)
    for i in range(0, len(messy) - 20, 50):
        messy[i], messy[i + 10] = messy[i + 10], messy[i]
    return [copy for i, one in enumerate(messy) for copy in ([one] * (2 if i % 100 == 0 else 1))]


def bare(trades: Sequence[Trade]) -> int:
    seen = 0
    for trade in trades:
        seen += trade.at_ms & 1
    return len(trades)


def aggregated(trades: Sequence[Trade]) -> int:
    minutes, rollup = (
        Minutes(START, None, lateness_ms=MINUTE_MS),
        Rollup(LISTING.instrument.quantity_step),
    )
    candles, boundary = 0, START + MINUTE_MS
    for trade in trades:
        if trade.at_ms >= boundary:
            boundary += MINUTE_MS
            for minute in minutes.advance(trade.at_ms):
                candles += len(rollup.add(trade.instrument, minute))
        minutes.add(trade)
    return candles


def seconds(work: Callable[[Sequence[Trade]], int], trades: Sequence[Trade]) -> float:
    gc.collect()
    began = time.perf_counter()
    work(trades)
    return time.perf_counter() - began


def main(count: int) -> None:
    plain = history(count)
    messy = disturbed(plain)
    runs = {
        "bare loop": (bare, plain),
        "aggregated": (aggregated, plain),
        "aggregated, late and repeated": (aggregated, messy),
    }
    best = dict.fromkeys(runs, float("inf"))
    for _ in range(ROUNDS):  # interleaved: a slow moment of the machine meets all of them
        for name, (work, trades) in runs.items():
            best[name] = min(best[name], seconds(work, trades))

    print(f"{count:,} trades, {aggregated(plain):,} candles of 11 resolutions, best of {ROUNDS}")
    for name, (_, trades) in runs.items():
        rate, share = len(trades) / best[name], best["bare loop"] / len(plain)
        print(f"{name:32} {rate:12,.0f} trades/s   {best[name] / len(trades) / share:6.1f} × bare")
    rate = len(plain) / best["aggregated"]
    print(f"target {TARGET:,} trades/s: {'reached' if rate >= TARGET else 'MISSED'}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500_000)
