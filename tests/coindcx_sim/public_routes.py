"""What the venue tells everybody."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim.answers import Refusal, invalid
from tests.coindcx_sim.tape import Line
from tests.coindcx_sim.world import World

SPOT_INTERVALS = {"1m": 60_000, "15m": 900_000, "1h": 3_600_000, "1d": 86_400_000}
RESOLUTIONS = {
    "1": 1,
    "5": 5,
    "15": 15,
    "30": 30,
    "60": 60,
    "240": 240,
    "480": 480,
    "1D": 1440,
    "D": 1440,
}
DEPTHS = (1, 5, 10, 20, 50, 100, 200)
DAY_MS = 86_400_000

Query = dict[str, str]


@dataclass
class PublicRoutes:
    world: World

    def ticker(self, query: Query) -> Any:
        return [
            {
                "market": each.name,
                "change_24_hour": "0.5",
                "high": str(line.last),
                "low": str(line.last),
                "volume": "100.5",
                "last_price": f"{line.last:.10f}",
                "bid": str(line.bid),
                "ask": str(line.ask),
                "timestamp": self.world.now_ms // 1000,
            }
            for each in self.world.spot.values()
            for line in [self.world.tape.line(each.name)]
        ]

    def markets(self, query: Query) -> Any:
        return list(self.world.spot)

    def markets_details(self, query: Query) -> Any:
        return [each.row() for each in self.world.spot.values()]

    def trade_history(self, query: Query) -> Any:
        name, line = self._spot(query)
        limit = _count(query, "limit", 30)
        if limit > 500:
            raise Refusal(422, "limit must be less than or equal to 500", "BFF-SO-004")
        return [
            {"p": price, "q": quantity, "s": name, "T": at_ms, "m": False}
            for at_ms, price, quantity in reversed(line.trades[-limit:])
        ]

    def order_book(self, query: Query) -> Any:
        _, line = self._spot(query)
        depth = _count(query, "depth", 50)
        if depth not in DEPTHS:
            raise Refusal(422, "depth must be one of [1, 5, 10, 20, 50, 100, 200]", "BFF-SO-004")
        return {"timestamp": self.world.now_ms, **_levels(line, min(depth, 50))}

    def candles(self, query: Query) -> Any:
        _, line = self._spot(query)
        width = SPOT_INTERVALS.get(query.get("interval", ""))
        if width is None:
            raise Refusal(422, "interval must be one of [1m, 15m, 1h, 1d]", "BFF-SO-004")
        limit = _count(query, "limit", 500)
        if limit > 1000:
            raise Refusal(422, "limit must be less than or equal to 1000", "BFF-SO-004")
        end = _count(query, "endTime", self.world.now_ms) if "startTime" in query else None
        end = min(end or self.world.now_ms, self.world.now_ms)
        start = _count(query, "startTime", end - width * limit)
        bars = _bars(line, start, end, width)
        return bars[::-1][:limit]

    def candlesticks(self, query: Query) -> Any:
        name = query.get("pair", "")
        if "from" not in query or "to" not in query:
            raise Refusal(400, "Invalid Request.")
        minutes = RESOLUTIONS.get(query.get("resolution", ""))
        if minutes is None:
            raise Refusal(422, "Invalid Request", "BFF-SO-004")
        line = self._futures(name) if query.get("pcode") == "f" else self._spot(query)[1]
        start, end = _count(query, "from", 0) * 1000, _count(query, "to", 0) * 1000
        bars = _bars(line, start, min(end, self.world.now_ms), minutes * 60_000)
        return {"s": "ok", "data": bars}

    def active_instruments(self, query: Query) -> Any:
        return [each.pair for each in self.world.futures.values() if each.status == "active"]

    def instrument(self, query: Query) -> Any:
        market = self.world.futures.get(query.get("pair", ""))
        if market is None:
            raise invalid()
        return market.row(query.get("margin_currency_short_name", "USDT"))

    def futures_trades(self, query: Query) -> Any:
        line = self._futures(query.get("pair", ""))
        return [
            {"price": price, "quantity": quantity, "timestamp": at_ms, "is_maker": True}
            for at_ms, price, quantity in reversed(line.trades[-50:])
        ]

    def futures_order_book(self, name: str, depth: str) -> Any:
        line = self._futures(name)
        return {"ts": self.world.now_ms, "vs": 1, **_levels(line, int(depth))}

    def current_prices(self, query: Query) -> Any:
        return {
            "ts": self.world.now_ms,
            "vs": 1,
            "prices": {
                pair: {
                    "fr": line.funding_rate,
                    "ls": line.last,
                    "mp": line.mark_price,
                    "mkt": pair.split("-")[1].replace("_", ""),
                    "btST": self.world.now_ms,
                }
                for pair in self.world.futures
                for line in [self.world.tape.line(pair)]
            },
        }

    def stats(self, query: Query) -> Any:
        last = self._futures(query.get("pair", "")).last
        return {
            "price_change_percent": {"1H": Decimal("-0.15"), "1D": Decimal("1.41")},
            "high_and_low": {"1D": {"h": last, "l": last}},
            "position": {"count_percent": {"long": 93.2, "short": 6.8}},
        }

    def conversions(self, query: Query) -> Any:
        return [
            {
                "symbol": "USDTINR",
                "margin_currency_short_name": "INR",
                "target_currency_short_name": "USDT",
                "conversion_price": self.world.peg,
                "last_updated_at": self.world.now_ms,
            }
        ]

    def _spot(self, query: Query) -> tuple[str, Line]:
        market = self.world.spot_at(query.get("pair", ""))
        if market is None:
            raise Refusal(422, f"Invalid pair {query.get('pair', '')}", "BFF-SO-004")
        return market.name, self.world.tape.line(market.name)

    def _futures(self, pair: str) -> Line:
        if pair not in self.world.futures:
            raise Refusal(422, f"Invalid pair {pair}", "BFF-SO-004")
        return self.world.tape.line(pair)


def _levels(line: Line, depth: int) -> dict[str, dict[str, str]]:
    """In an order that is not that of the prices, as live."""
    size = "1000000" if line.liquidity is None else str(line.liquidity)
    asks = {f"{line.ask + line.tick * n:.10f}": size for n in range(depth)}
    bids = {
        f"{line.bid - line.tick * n:.10f}": size for n in range(depth) if line.bid > line.tick * n
    }
    return {"bids": dict(reversed(bids.items())), "asks": dict(reversed(asks.items()))}


def _bars(line: Line, start: int, end: int, width: int) -> list[dict[str, Any]]:
    return [
        {
            "open": bar.open,
            "high": bar.high,
            "low": bar.low,
            "close": bar.close,
            "volume": bar.volume,
            "time": opened,
        }
        for opened, bar in line.bars(start, end, width // 60_000).items()
    ]


def _count(query: Query, key: str, default: int) -> int:
    text = query.get(key, str(default))
    if not text.isdecimal():
        raise Refusal(422, f"{key} must be a number", "BFF-SO-004")
    return int(text)
