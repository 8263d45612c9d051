"""Live on paper: what a backtest of the same candles says, candle by candle."""

from pathlib import Path

import pytest

from strategy_runtime.backtest.author import opened, read_subject
from strategy_runtime.backtest.paper import Paper
from strategy_runtime.backtest.run import backtest
from strategy_runtime.backtest.terms import Terms, generic
from strategy_runtime.engine.engine import Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.sdk.bars import bars_of
from tests.candles import longer, walk
from tests.unit.runtime.drive import FUTURE, strategy

ROOT = Path(__file__).parents[3] / "strategy_templates"
RULES, TERMS = generic(FUTURE, 50_000.0), Terms()

COUNTS = """
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
    if candle.seq % 9 == 0:
        return self.long(stop_distance=candle.close * 0.004)
    if candle.seq % 9 == 5:
        return self.exit_long()
"""


@pytest.mark.parametrize("name", ["sma_cross", "donchian_trend", "older_class", "older_function"])
def test_paper_trades_as_a_backtest_does(name: str) -> None:
    kind, setting = opened(read_subject(ROOT / name), instrument=FUTURE, resolution="1m")
    candles = walk(400)
    paper = Paper(kind, setting, RULES, TERMS)
    for candle in candles:
        paper.take(candle)

    told = paper.standing()
    wanted = backtest(kind, setting, bars_of("1m", candles), terms=TERMS, instrument=RULES)

    assert told.ledger == wanted.ledger
    assert told.curve == tuple(wanted.curve.tolist())
    assert (told.decided, told.failed, len(told.ledger.trades) > 0) == (400, 0, True)


def test_what_was_before_only_warms_up() -> None:
    kind, candles = strategy(COUNTS), walk(120)
    paper = Paper(kind, Setting(FUTURE, "1m", window=50), RULES, TERMS)
    paper.warm(candles[:80])
    paper.start(kind, paper.setting)

    told = [paper.take(candle) for candle in candles[80:]]

    assert all(decision is not None for decision in told)
    assert paper.decisions[-1].state == b'{"n":40}'
    assert len(paper.standing().curve) == 40


def test_a_save_keeps_state_and_position() -> None:
    kind, candles = strategy(COUNTS), walk(60)
    paper = Paper(kind, Setting(FUTURE, "1m", window=50), RULES, TERMS)
    for candle in candles[:40]:
        paper.take(candle)
    before = paper.standing().position
    paper.start(strategy(COUNTS.replace("+ 1", "+ 100")), paper.setting)

    paper.take(candles[40])

    assert paper.decisions[-1].state == b'{"n":140}'
    assert before.entry_ms == paper.standing().position.entry_ms


def test_what_does_not_start_leaves_the_one_before() -> None:
    kind, candles = strategy(COUNTS), walk(30)
    paper = Paper(kind, Setting(FUTURE, "1m", window=50), RULES, TERMS)
    paper.take(candles[0])

    with pytest.raises(StrategyFailed):
        paper.start(
            strategy("def on_start(self): 1 / 0\ndef on_candle(self, c): ..."), paper.setting
        )
    paper.take(candles[1])

    assert paper.decisions[-1].state == b'{"n":2}'


def test_longer_candles_are_learnt_before_their_base() -> None:
    kind = strategy(
        'resolutions = ("5m",)\n'
        "def on_candle(self, candle):\n"
        '    self.state["seen"] = len(self.candles("5m"))'
    )
    candles = walk(40)
    setting = Setting(FUTURE, "1m", window=50, resolutions=("5m",))
    paper = Paper(kind, setting, RULES, TERMS)
    for one in longer(candles, "5m"):
        paper.learn("5m", one)
    paper.warm(candles[:-1])
    paper.start(kind, setting)

    paper.take(candles[-1])

    assert paper.decisions[-1].state == b'{"seen":%d}' % len(longer(candles, "5m"))
