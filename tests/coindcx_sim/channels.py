"""What the venue says on its public channels when a price moves. Pure."""

import re
from dataclasses import dataclass
from typing import Any

from tests.coindcx_sim.spot_views import exact_text
from tests.coindcx_sim.tape import Line
from tests.coindcx_sim.world import World

SPOT_INTERVALS = ("1m", "15m", "1h", "1d")
FUTURES_INTERVALS = ("1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d")
WIDTHS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "8h": 480, "1d": 1440}
DEPTHS = (10, 20, 50)

Said = tuple[str, dict[str, Any]]

CHANNEL = re.compile(
    r"(?P<pair>[A-Z]+-\w+?_\w+?)"
    r"(@(?P<what>trades|prices|orderbook)(@(?P<depth>10|20|50))?|_(?P<interval>\d+[mhd]))"
    r"(?P<futures>-futures)?"
)


@dataclass(frozen=True)
class Channel:
    name: str
    pair: str
    what: str
    is_futures: bool
    interval: str = ""
    depth: int = 0

    @property
    def key(self) -> tuple[str, bool]:
        return (self.pair, self.is_futures)


def channel_of(world: World, name: str) -> Channel | None:
    """None for what the venue does not know: it stays silent for ever."""
    found = CHANNEL.fullmatch(name)
    if found is None:
        return None
    is_futures = found["futures"] is not None
    known = found["pair"] in world.futures if is_futures else world.spot_at(found["pair"])
    intervals = FUTURES_INTERVALS if is_futures else SPOT_INTERVALS
    if not known or (found["interval"] and found["interval"] not in intervals):
        return None
    what = found["what"] or "candlestick"
    if what == "orderbook" and found["depth"] is None:
        return None
    return Channel(
        name, found["pair"], what, is_futures, found["interval"] or "", int(found["depth"] or 0)
    )


def said(world: World, channel: Channel, at_ms: int) -> Said | None:
    """What is said on a channel at a trade."""
    market = world.spot_at(channel.pair)
    name = channel.pair if channel.is_futures or market is None else market.name
    line = world.tape.line(name)
    if not line.trades:
        return None
    match channel.what:
        case "trades":
            return "new-trade", _trade(channel, line, at_ms)
        case "prices":
            product = "f" if channel.is_futures else "spot"
            price = {"T": at_ms, "p": exact_text(line.last), "pr": product}
            return "price-change", price
        case "orderbook":
            return "depth-snapshot", _depth(channel, line, at_ms)
        case _:
            return "candlestick", _candle(channel, name, line, at_ms)


def _trade(channel: Channel, line: Line, at_ms: int) -> dict[str, Any]:
    _, price, quantity = line.trades[-1]
    return {
        "T": at_ms,
        "p": exact_text(price),
        "q": exact_text(quantity),
        "m": 1,
        "s": channel.pair,
        "pr": "f" if channel.is_futures else "spot",
    }


def _depth(channel: Channel, line: Line, at_ms: int) -> dict[str, Any]:
    size = "1000" if line.liquidity is None else exact_text(line.liquidity)
    return {
        "vs": at_ms,
        "ts": at_ms,
        "asks": {exact_text(line.ask + line.tick * n): size for n in range(channel.depth)},
        "bids": {exact_text(line.bid - line.tick * n): size for n in range(channel.depth)},
        "pr": "futures" if channel.is_futures else "spot",
        "s": channel.pair.split("-")[1].replace("_", ""),
    }


def closed_candle(world: World, channel: Channel, ended_ms: int) -> Said | None:
    """Spot alone says when a bar is closed, and only of bars that traded."""
    market = world.spot_at(channel.pair)
    if channel.is_futures or market is None:
        return None
    line = world.tape.line(market.name)
    width = WIDTHS[channel.interval] * 60_000
    if ended_ms - width not in line.bars(ended_ms - width, ended_ms - width, width // 60_000):
        return None
    return "candlestick", _candle(channel, market.name, line, ended_ms - width) | {"x": True}


def _candle(channel: Channel, name: str, line: Line, at_ms: int) -> dict[str, Any]:
    width = WIDTHS[channel.interval] * 60_000
    opened = at_ms // width * width
    bar = line.bars(opened, opened, WIDTHS[channel.interval])[opened]
    shown = {
        "open": exact_text(bar.open),
        "high": exact_text(bar.high),
        "low": exact_text(bar.low),
        "close": exact_text(bar.close),
        "volume": exact_text(bar.volume),
    }
    if channel.is_futures:
        row = {
            **shown,
            "open_time": opened // 1000,
            "close_time": (opened + width - 1) / 1000,
            "pair": channel.pair,
            "duration": channel.interval,
            "symbol": channel.pair.split("-")[1].replace("_", ""),
            "quote_volume": "0",
        }
        return {
            "data": [row],
            "ecode": "B",
            "Ets": at_ms,
            "i": channel.interval,
            "channel": f"{channel.pair}_{channel.interval}-futures",
            "pr": "futures",
        }
    return {
        "t": opened,
        "T": opened + width - 1,
        **{key[0]: value for key, value in shown.items()},
        "i": channel.interval,
        "channel": channel.name,
        "s": name,
        "x": False,
        "eT": at_ms,
        "pr": "spot",
    }
