"""A backtest itself says when its result knew the future, and says nothing where it did not."""

from pathlib import Path

import pytest

from strategy_runtime.backtest.run import Result, backtest
from strategy_runtime.engine.engine import Setting
from strategy_runtime.loader import load
from strategy_runtime.sdk.bars import bars_of
from tests.candles import walk
from tests.unit.templates.figures import result

BAD = Path(__file__).parents[2] / "bad"
AHEAD = sorted(file.stem for file in BAD.glob("future_*.py"))


def of(name: str, count: int = 4_000) -> Result:
    code = (BAD / f"{name}.py").read_text()
    return backtest(load(code), Setting("fut:B-BTC_USDT", "1m"), bars_of("1m", walk(count)))


def says_so(found: Result) -> bool:
    return "future" in {remark.rule for remark in found.critique()}


@pytest.mark.parametrize("name", AHEAD)
def test_whoever_looks_ahead_is_told(name: str) -> None:
    assert says_so(of(name))


def test_few_candles_are_enough_to_tell() -> None:
    assert says_so(of("future_behind_the_view", 60))


@pytest.mark.parametrize("name", ["sma_cross", "macd_volume", "supertrend_trail"])
def test_whoever_does_not_is_left_alone(name: str) -> None:
    assert not says_so(result(name))
