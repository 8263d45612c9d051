"""The promise that a backtest rests on: what replays is what runs."""

from pathlib import Path

import pytest

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Engine, Setting
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.wire.messages import Welcome
from strategy_runtime.wire.resolutions import candle_trigger
from tests.candles import walk
from tests.integration.runtime.harbour import INSTRUMENT, Harbour

pytestmark = pytest.mark.redis

TEMPLATES = Path(__file__).parents[3] / "strategy_templates"


@pytest.mark.parametrize("name", ["sma_cross", "rsi_reversion", "donchian_trend"])
async def test_a_template_decides_live_as_in_a_replay(harbour: Harbour, name: str) -> None:
    candles = walk(120)
    harbour.code = (TEMPLATES / name / "strategy.py").read_text()
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
