"""A result as one HTML file that needs nothing else: no server, no network, no other file."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any

import msgspec
import numpy as np

from strategy_runtime.backtest.chance import Chance
from strategy_runtime.backtest.run import Result

MOST_POINTS = 6_000
MOST_TRADES = 5_000
PLACE = "/*RESULT*/null"


def html(
    result: Result, name: str, *, seed: int = 1, search: Mapping[str, Any] | None = None
) -> str:
    page = files("strategy_runtime.backtest").joinpath("report.html").read_text(encoding="utf-8")
    told = summary(result, name, result.chance(seed=seed), curves=True)
    data = msgspec.json.encode({**told, "search": search})
    # `</` in a strategy's own words must not end the script.
    return page.replace(PLACE, data.decode().replace("</", "<\\/"))


def summary(
    result: Result, name: str, chance: Chance | None = None, *, curves: bool = False
) -> dict[str, Any]:
    """All of it as plain values, for JSON too."""
    found: dict[str, Any] = {
        "name": name,
        "instrument": result.setting.instrument,
        "resolution": result.setting.resolution,
        "parameters": dict(result.setting.parameters),
        "data_sha256": result.bars.sha256(),
        "from_ms": int(result.bars.open_ms[0]) if len(result.bars) else 0,
        "to_ms": int(result.bars.close_ms[-1]) if len(result.bars) else 0,
        "terms": {
            key: _plain(value) for key, value in msgspec.structs.asdict(result.terms).items()
        },
        "metrics": msgspec.structs.asdict(result.metrics),
        "chance": None if chance is None else msgspec.to_builtins(chance),
        "remarks": [msgspec.structs.asdict(one) for one in result.critique(chance)],
        "skipped": len(result.skipped),
        "trades": [_trade(trade) for trade in result.trades[-MOST_TRADES:]],
    }
    if curves:
        found["curves"] = _curves(result)
        found["months"] = _months(result)
    return found


def _trade(trade: Any) -> Mapping[str, Any]:
    return {key: _plain(value) for key, value in msgspec.structs.asdict(trade).items()}


def _plain(value: Any) -> Any:
    """Decimals as numbers: these are figures to look at."""
    return float(value) if hasattr(value, "as_tuple") else value


def _curves(result: Result) -> dict[str, list[float]]:
    """At most so many points; a point of many bars keeps their highest and lowest."""
    bars, count = result.bars, len(result.bars)
    if not count:
        return {
            "time": [],
            "open": [],
            "high": [],
            "low": [],
            "close": [],
            "equity": [],
            "down": [],
        }
    starts = np.arange(0, count, -(-count // MOST_POINTS))
    ends = np.append(starts[1:], count) - 1
    down = np.minimum.reduceat(result.drawdown, starts)
    return {
        "time": bars.open_ms[starts].tolist(),
        "open": bars.open[starts].tolist(),
        "high": np.maximum.reduceat(bars.high, starts).tolist(),
        "low": np.minimum.reduceat(bars.low, starts).tolist(),
        "close": bars.close[ends].tolist(),
        "equity": np.round(result.curve[ends], 4).tolist(),
        "down": np.round(down, 6).tolist(),
    }


def _months(result: Result) -> list[tuple[str, float]]:
    """What each month, by UTC, made of the equity that it began with."""
    if not len(result.bars):
        return []
    months = result.bars.open_ms.astype("datetime64[ms]").astype("datetime64[M]")
    last = np.append(np.flatnonzero(months[1:] != months[:-1]), len(months) - 1)
    ends = result.curve[last]
    begins = np.concatenate(([float(result.terms.capital)], ends[:-1]))
    return [
        (str(month), float(end / begin - 1.0))
        for month, begin, end in zip(months[last], begins, ends, strict=True)
    ]
