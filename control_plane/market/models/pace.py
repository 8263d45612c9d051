"""How a simulated market's time goes on: across restarts, changes of speed and long absences."""

from dataclasses import dataclass

from control_plane.core.clock import MarketTime
from control_plane.market.models.trades import MINUTE_MS

# Longer absences are no gap to fill: the market stood still meanwhile.
LONGEST_GAP_MS = 3 * 24 * 60 * MINUTE_MS


@dataclass(frozen=True)
class Setting:
    """A market's time from now on, and why it is not what it was; None if it is."""

    time: MarketTime
    reason: str | None


def settle(
    known: MarketTime | None, newest_close_ms: int | None, now_ms: int, speed: float
) -> Setting:
    """`newest_close_ms` is where the stored history ends."""
    if known is None:
        return Setting(MarketTime(newest_close_ms or now_ms, now_ms, speed), "first start")

    market_ms = known.at(now_ms)
    if newest_close_ms is not None and market_ms - newest_close_ms > LONGEST_GAP_MS:
        return Setting(MarketTime(newest_close_ms, now_ms, speed), "stood still during an absence")
    if newest_close_ms is not None and market_ms < newest_close_ms - MINUTE_MS:
        return Setting(MarketTime(newest_close_ms, now_ms, speed), "the clock was set back")
    if known.speed != speed:
        return Setting(MarketTime(market_ms, now_ms, speed), "speed changed")
    return Setting(known, None)


def behind_seconds(time: MarketTime, upto_ms: int, now_ms: int) -> float:
    """How long ago, in real time, the market read `upto_ms`."""
    return (time.at(now_ms) - upto_ms) / time.speed / 1000
