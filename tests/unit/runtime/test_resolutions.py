"""Several resolutions in one strategy, stops by distance, and the helpers that follow a price."""

import json

import pytest

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.feeds.replay import replay
from strategy_runtime.sdk.indicators import Atr
from strategy_runtime.wire.messages import Candle
from tests.candles import candle, longer, walk
from tests.unit.runtime.drive import FUTURE, actions, decisions, engine, strategy

WATCHES = """
resolutions = ("5m",)
def on_start(self):
    self.slow = self.sma(2, on="5m")
def on_candle(self, candle):
    longer = self.candles("5m")
    self.state["seen"] = [candle.open_ms, longer[-1].open_ms if len(longer) else 0]
    self.metric("slow", self.slow)
"""


def run(body: str, candles: list[Candle], *names: str) -> list[Decision]:
    made = Engine(strategy(body), Setting(FUTURE, "1m"))
    return list(
        replay(Course(made, "1m"), candles, {name: longer(candles, name) for name in names})
    )


def test_a_base_candle_sees_the_longer_ones_that_closed_with_it() -> None:
    for decision in run(WATCHES, walk(30), "5m"):
        base, seen = json.loads(decision.state)["seen"]
        closed = (base + 60_000) // 300_000 * 300_000 - 300_000
        assert seen in {closed, 0}


def test_an_indicator_on_a_longer_resolution_follows_those_candles() -> None:
    candles = walk(40)
    means = [decision.metrics for decision in run(WATCHES, candles, "5m")]
    closes = [bar.close for bar in longer(candles, "5m")]

    assert means[-1] == (("slow", sum(closes[-2:]) / 2),)
    assert means[3] == ()


def test_candles_that_were_not_declared_are_refused_with_what_to_write() -> None:
    (decision,) = decisions(
        engine("def on_candle(self, candle):\n    self.candles('4h')"), [candle(0)]
    )

    assert "declare `resolutions = ('4h',)`" in (decision.error or "")


def test_a_resolution_that_does_not_exist_is_refused() -> None:
    with pytest.raises(StrategyFailed, match="'7m' is none of 1m, 5m"):
        engine("resolutions = ('7m',)\ndef on_candle(self, candle): ...")


def test_its_own_resolution_may_be_named_too() -> None:
    made = engine(
        "resolutions = ('1m',)\n"
        "def on_candle(self, candle):\n    assert self.candles('1m') is self.history"
    )

    assert [decision.error for decision in decisions(made, [candle(0)])] == [None]


# ---- stops and targets -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("call", "stop", "target"),
    [
        ("self.long(stop_distance=2, target_distance=4)", 98, 104),
        ("self.short(stop_distance=2, target_distance=4)", 102, 96),
        ("self.long(stop_loss=90, target_distance=5)", 90, 105),
        ("self.long(stop_distance=self.one)", 99, None),
    ],
)
def test_stops_and_targets_may_be_distances(
    call: str, stop: float | None, target: float | None
) -> None:
    body = f"def on_start(self):\n    self.one = 1\ndef on_candle(self, candle):\n    return {call}"
    (decision,) = decisions(engine(body), [candle(0, 100.0)])
    (signal,) = decision.signals

    assert (signal.stop_loss, signal.take_profit) == (stop, target)


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("self.long(stop_loss=9, stop_distance=1)", "give stop_loss or stop_distance, not both"),
        ("self.long(stop_distance=0)", "a distance is finite and above zero"),
        ("self.long(stop_distance=-1)", "a distance is finite and above zero"),
        ("self.long(stop_distance='2')", "a distance is a number"),
        ("self.long(stop_distance=float('nan'))", "a distance is finite and above zero"),
        ("self.long(stop_distance=200)", "a price is finite and above zero"),
    ],
)
def test_a_distance_that_cannot_be_is_refused(call: str, sentence: str) -> None:
    (decision,) = decisions(
        engine(f"def on_candle(self, candle):\n    return {call}"), [candle(0, 100.0)]
    )

    assert sentence in (decision.error or "")


def test_the_manifest_places_stops_in_average_ranges() -> None:
    candles = walk(40)
    kind = strategy("def on_candle(self, candle):\n    return self.long()")
    setting = Setting(
        FUTURE, "1m", manifest={"sl_atr_multiplier": 1.5, "tp_atr_multiplier": "3"}, window=50
    )
    made = Engine(kind, setting)
    average = Atr(14)
    for bar in candles[:-1]:
        made.warm(bar)
        average.update(bar, bar.seq)
    average.update(candles[-1], candles[-1].seq)

    (signal,) = made.decide(candles[-1]).signals

    close = candles[-1].close
    assert float(signal.stop_loss or 0) == close - 1.5 * average.value
    assert float(signal.take_profit or 0) == close + 3.0 * average.value


def test_before_the_average_range_is_known_the_manifest_places_nothing() -> None:
    kind = strategy("def on_candle(self, candle):\n    return self.long()")
    made = Engine(kind, Setting(FUTURE, "1m", manifest={"sl_atr_multiplier": 2}))

    assert made.decide(candle(0)).signals[0].stop_loss is None


@pytest.mark.parametrize("given", ["far", -1, [], 1e9])
def test_a_manifest_that_makes_no_sense_is_refused(given: object) -> None:
    kind = strategy("def on_candle(self, candle): ...")

    with pytest.raises(StrategyFailed, match="sl_atr_multiplier"):
        Engine(kind, Setting(FUTURE, "1m", manifest={"sl_atr_multiplier": given}))


# ---- following the price -----------------------------------------------------------------------

TRAILS = """
def on_candle(self, candle):
    if not self.state.get("in"):
        self.state["in"] = True
        return self.long()
    return self.trailing_stop(5)
"""


def test_a_trailing_stop_follows_the_highest_high() -> None:
    closes = [100, 100, 110, 106, 105, 104]
    said = decisions(engine(TRAILS), [candle(n, close) for n, close in enumerate(closes)])

    assert [actions(decision) for decision in said] == [
        ["LONG"], [], [], [], ["EXIT_LONG"], [],
    ]  # fmt: skip


def test_a_trailing_stop_survives_a_restart() -> None:
    closes = [100, 100, 110, 106]
    first = engine(TRAILS)
    said = decisions(first, [candle(n, close) for n, close in enumerate(closes)])
    second = engine(TRAILS, state=said[-1].state, position=said[-1].position)

    assert actions(second.decide(candle(4, 105))) == ["EXIT_LONG"]


def test_break_even_leaves_at_the_entry_once_it_was_ahead() -> None:
    body = TRAILS.replace("self.trailing_stop(5)", "self.break_even(3)").replace("long", "short")
    closes = [100, 100, 101, 96, 99, 100]
    said = decisions(engine(body), [candle(n, close) for n, close in enumerate(closes)])

    assert [actions(decision) for decision in said] == [
        ["SHORT"], [], [], [], [], ["EXIT_SHORT"],
    ]  # fmt: skip
