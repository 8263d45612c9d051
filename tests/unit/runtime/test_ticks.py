"""Ticks in a backtest: heard before their candle closes, filled when the next one opens."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from strategy_runtime.backtest.files import read_ticks
from strategy_runtime.backtest.run import backtest
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Setting
from strategy_runtime.engine.heard import Ticks, conflated
from strategy_runtime.engine.position import advance, intend
from strategy_runtime.engine.sweep import sweep
from strategy_runtime.sdk.bars import BadBars, bars_of
from strategy_runtime.wire.messages import Candle, Position, Signal, Tick
from tests.candles import START_MS, candle, walk
from tests.unit.runtime.drive import FUTURE, engine, strategy

MINUTE = 60_000
SETTING = Setting(FUTURE, "1m", window=50)

SPIKES = """
ticks = True
def on_start(self):
    self.mean = self.sma(5)
def on_tick(self, tick):
    if self.mean.ready and tick.price > self.mean * 1.001:
        return self.long(stop_distance=tick.price * 0.004, reason="up")
    if self.mean.ready and tick.price < self.mean * 0.999:
        return self.exit_long(reason="down")
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
    if self.state["n"] % 11 == 0:
        return self.exit_long(reason="late")
"""


def ticks_of(candles: list[Candle]) -> Ticks:
    """Three a candle, between its open and its close."""
    at = [one.open_ms + n * 15_000 + 100 for one in candles for n in range(3)]
    price = [p for one in candles for p in (one.open, one.high, one.low)]
    return Ticks(np.array(at, np.int64), np.array(price), np.ones(len(at)))


def by_hand(candles: list[Candle], ticks: Ticks) -> list[Decision]:
    """As a container hears them: each tick, then the candle that it belonged to."""
    course = Course(engine(strategy(SPIKES), window=50), "1m")
    said: list[Decision | None] = []
    for one in candles:
        first, last = ticks.at_ms.searchsorted([one.open_ms, one.open_ms + MINUTE])
        for tick in ticks.between(int(first), int(last), until_ms=one.open_ms + MINUTE):
            said.append(course.take_tick(tick))
        said.append(course.take(one))
    return [decision for decision in said if decision is not None]


def test_a_sweep_hears_ticks_as_a_container_does() -> None:
    candles = walk(300)
    ticks = ticks_of(candles)

    found = sweep(strategy(SPIKES), SETTING, bars_of("1m", candles), ticks=ticks)
    wanted = by_hand(candles, ticks)

    said = [
        decision for decision in wanted if decision.outcome != "none" or decision.state != b"{}"
    ]
    assert [decision for _, decision in found.decisions] == said
    assert found.position == wanted[-1].position
    assert sum(decision.trigger.startswith("tick:") for decision in said) > 20


def test_what_a_tick_decided_fills_when_the_next_candle_opens() -> None:
    entry = Signal("LONG", Decimal(101), Decimal(95), None, "")
    waiting = intend(Position(), (entry,), on_tick=True)

    during, nothing = advance(waiting, candle(0, 100.0, high=103.0, low=90.0))
    after, fills = advance(during, candle(1, 102.0))

    assert nothing == ()
    assert during.pending == (entry,)
    assert (after.side, after.entry_price, fills[0].price) == ("LONG", 102.0, 102.0)


def test_what_waited_before_a_tick_fills_at_its_candles_open() -> None:
    exit_, entry = Signal("EXIT_LONG", Decimal(99)), Signal("SHORT", Decimal(98))
    held = Position("LONG", 100.0, START_MS, exit_due="LONG")
    waiting = intend(intend(held, (exit_,)), (entry,), on_tick=True)

    during, fills = advance(waiting, candle(3, 97.0))
    after, later = advance(during, candle(4, 96.0))

    assert [(fill.action, fill.price) for fill in fills] == [("EXIT_LONG", 97.0)]
    assert (during.side, during.pending, during.late) == (None, (entry,), 0)
    assert (after.side, later[0].price) == ("SHORT", 96.0)


def test_without_ticks_the_result_says_what_is_missing() -> None:
    candles, kind = walk(200), strategy(SPIKES)

    silent = backtest(kind, SETTING, bars_of("1m", candles))
    heard = backtest(kind, SETTING, bars_of("1m", candles), ticks=ticks_of(candles))

    assert "ticks" in {remark.rule for remark in silent.critique()}
    assert "ticks" not in {remark.rule for remark in heard.critique()}
    assert len(heard.trades) > len(silent.trades) == 0


def test_ticks_are_conflated_as_the_market_does() -> None:
    found = conflated(
        np.array([1_000, 1_040, 1_099, 1_100, 1_350]),
        np.array([1.0, 2.0, 3.0, 4.0, 5.0]),
        np.array([1.0, 1.0, 1.0, 2.0, 3.0]),
    )

    assert found.at_ms.tolist() == [1_099, 1_100, 1_350]
    assert found.price.tolist() == [3.0, 4.0, 5.0]
    assert found.quantity.tolist() == [3.0, 2.0, 3.0]
    assert list(found.between(0, 3, until_ms=1_300)) == [
        Tick(1_099, Decimal("3.0"), Decimal("3.0")),
        Tick(1_100, Decimal("4.0"), Decimal("2.0")),
    ]


def test_ticks_are_read_from_files_of_trades(tmp_path: Path) -> None:
    file = tmp_path / "trades.csv"
    file.write_text("time,price,qty\n1700000000000,10,1\n1700000000050,11,2\n1700000000200,12,1\n")

    found = read_ticks(file)

    assert found.price.tolist() == [11.0, 12.0]
    assert found.quantity.tolist() == [3.0, 1.0]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("time,close\n1700000000000,1\n", "has no column price"),
        ("time,price\n1700000000000,-1\n", "tick 1: its time, price or quantity cannot be"),
        ("time,price\n1700000000000,1\n1600000000000,1\n", "tick 2: its time"),
        ("time,price\n1700000000000,x\n", "no number"),
    ],
)
def test_what_cannot_be_a_tick_is_refused(tmp_path: Path, text: str, words: str) -> None:
    file = tmp_path / "trades.csv"
    file.write_text(text)

    with pytest.raises(BadBars, match=words):
        read_ticks(file)
