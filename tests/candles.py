"""Candles for tests: a random walk that is the same on every machine, and single ones by hand."""

from random import Random

from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import DURATION_MS, sequence

START_MS = 1_760_000_040_000 // 60_000 * 60_000


def candle(
    number: int,
    open: float = 100.0,
    high: float | None = None,
    low: float | None = None,
    close: float | None = None,
    *,
    resolution: str = "1m",
    volume: float = 1.0,
) -> Candle:
    """The `number`th candle from a fixed start; prices that are left out make it a valid one."""
    close = open if close is None else close
    length = DURATION_MS[resolution]
    opened = START_MS // length * length + number * length
    return Candle(
        open_ms=opened,
        open=open,
        high=max(open, close) if high is None else high,
        low=min(open, close) if low is None else low,
        close=close,
        volume=volume,
        seq=sequence(resolution, opened),
    )


def walk(
    count: int, *, seed: int = 7, start: float = 50_000.0, volatility: float = 0.002
) -> list[Candle]:
    """One-minute candles of a market that trends, ranges and jumps now and then."""
    rng = Random(seed)
    price, drift = start, 0.0
    candles = []
    for number in range(count):
        if rng.random() < 0.02:
            drift = rng.gauss(0.0, 0.5) * volatility
        opened = price
        if rng.random() < 0.01:
            opened *= 1 + rng.gauss(0.0, 3 * volatility)
        price = max(opened * (1 + drift + rng.gauss(0.0, volatility)), start * 0.01)
        reach = abs(rng.gauss(0.0, volatility / 2)) * price
        candles.append(
            candle(
                number,
                opened,
                max(opened, price) + reach,
                min(opened, price) - reach,
                price,
                volume=rng.uniform(0.1, 5.0),
            )
        )
    return candles


def longer(candles: list[Candle], resolution: str) -> list[Candle]:
    """The candles of a longer resolution that these add up to, whole ones only."""
    found: list[Candle] = []
    length = DURATION_MS[resolution]
    for opened in sorted({bar.open_ms // length * length for bar in candles}):
        parts = [bar for bar in candles if opened <= bar.open_ms < opened + length]
        if len(parts) < length // (candles[1].open_ms - candles[0].open_ms):
            continue
        found.append(
            Candle(
                opened,
                parts[0].open,
                max(bar.high for bar in parts),
                min(bar.low for bar in parts),
                parts[-1].close,
                sum(bar.volume for bar in parts),
                sequence(resolution, opened),
            )
        )
    return found
