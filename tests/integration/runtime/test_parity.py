"""The promise that a backtest rests on: what replays is what runs."""

from pathlib import Path
from typing import cast

import pytest
from msgspec import Raw

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Engine, Setting
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.wire.messages import Execution, Welcome
from strategy_runtime.wire.resolutions import candle_trigger, close_of
from tests.candles import longer, walk
from tests.integration.runtime.harbour import INSTRUMENT, Harbour

pytestmark = pytest.mark.redis

TEMPLATES = Path(__file__).parents[3] / "strategy_templates"


# One of each style among them.
@pytest.mark.parametrize(
    "name", ["sma_cross", "rsi_reversion", "donchian_trend", "older_class", "older_function"]
)
async def test_a_template_decides_live_as_in_a_replay(harbour: Harbour, name: str) -> None:
    candles = walk(120)
    harbour.code = (TEMPLATES / name / "strategy.py").read_text()
    harbour.lookback = 60
    await harbour.furnish()
    for bar in candles[:100]:
        await harbour.close_candle(bar, publish=False)
    harbour.welcome = Welcome(run="", active_from=candle_trigger("1m", candles[0].open_ms))
    await harbour.launch()
    await harbour.until(lambda: len(harbour.executions) >= 50, "half of the history")
    for bar in candles[100:]:
        await harbour.close_candle(bar)
    await harbour.until(lambda: len(harbour.executions) == 120, "every execution", 20)

    kind = load(harbour.code)
    course = Course(Engine(kind, Setting(INSTRUMENT, "1m", window=harbour.lookback)), "1m")
    expected = list(replay(course, candles))

    assert [(e.trigger, e.outcome, e.signals, e.position) for e in harbour.executions] == [
        (d.trigger, d.outcome, d.signals, d.position) for d in expected
    ]
    assert any(decision.signals for decision in expected)


TWO = """
from strategy_runtime import BaseStrategy

class Two(BaseStrategy):
    resolutions = ("5m", "15m")

    def on_start(self):
        self.slow = self.ema(3, on="5m")

    def on_candle(self, candle):
        seen = [len(self.candles(name)) for name in ("5m", "15m")]
        self.state["seen"] = [*seen, self.candles("5m")[-1].open_ms if seen[0] else 0]
        if candle.close > self.slow:
            return self.long(stop_distance=candle.close * 0.05)
        return self.exit_long()
"""


def state_of(execution: Execution) -> bytes:
    return bytes(cast("Raw", execution.state))


@pytest.mark.parametrize("longer_first", [True, False])
async def test_longer_candles_are_seen_first_in_whichever_order_they_come(
    harbour: Harbour, longer_first: bool
) -> None:
    candles = walk(100)
    further = {name: longer(candles, name) for name in ("5m", "15m")}
    harbour.code, harbour.resolutions = TWO, ("1m", "5m", "15m")
    await harbour.furnish()
    known = candles[60].open_ms
    for name, some in further.items():
        for bar in some:
            if close_of(name, bar.open_ms) <= known:
                await harbour.close_candle(bar, publish=False, resolution=name)
    for bar in candles[:60]:
        await harbour.close_candle(bar, publish=False)
    harbour.welcome = Welcome(run="", active_from=candle_trigger("1m", candles[20].open_ms))
    await harbour.launch()
    await harbour.until(lambda: len(harbour.executions) == 40, "the history")
    for bar in candles[60:]:
        closing = [
            (name, one)
            for name, some in further.items()
            for one in some
            if close_of(name, one.open_ms) == close_of("1m", bar.open_ms)
        ]
        if not longer_first:
            await harbour.close_candle(bar)
        for name, one in closing:
            await harbour.close_candle(one, resolution=name)
        if longer_first:
            await harbour.close_candle(bar)
    await harbour.until(lambda: len(harbour.executions) == 80, "every execution", 20)

    setting = Setting(INSTRUMENT, "1m", window=harbour.lookback)
    course = Course(Engine(load(TWO), setting), "1m", start_ms=candles[20].open_ms)
    expected = list(replay(course, candles, further))

    assert [(e.trigger, e.signals, state_of(e)) for e in harbour.executions] == [
        (d.trigger, d.signals, d.state) for d in expected
    ]
    assert b"[19,6," in state_of(harbour.executions[-1])
