"""What a container decided on ticks, decided again from what the platform keeps."""

import pytest
from msgspec.structs import replace as changed

from strategy_runtime.backtest.aggregate import aggregate
from strategy_runtime.backtest.comparing import Comparison, Recorded, compare, told
from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.sdk.bars import bars_of
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import close_of
from tests.candles import walk
from tests.unit.runtime.drive import FUTURE, strategy
from tests.unit.runtime.test_ticks import MINUTE, SPIKES, ticks_of

KIND = strategy(SPIKES)
SETTING = Setting(FUTURE, "1m", window=50)
CANDLES = walk(300)
LONGER = """
ticks = True
resolutions = ("5m",)
def on_start(self):
    self.mean = self.sma(2, on="5m")
def on_tick(self, tick):
    if self.mean.ready and tick.price > self.mean * 1.002:
        return self.long(stop_loss=self.mean * 0.98)
def on_candle(self, candle):
    if self.mean.ready and candle.close < self.mean:
        return self.exit_long()
"""
COUNTING = """
ticks = True
def on_tick(self, tick):
    self.state["heard"] = self.state.get("heard", 0) + 1
    if self.state["heard"] % 50 == 0:
        return self.long()
def on_candle(self, candle):
    if self.state.get("heard", 0) % 7 == 0:
        return self.exit_long()
"""


def live(code: str, further: list[Candle]) -> dict[str, Recorded]:
    """As a container hears it: ticks, the longer candles that closed, the candle itself."""
    kind, ticks = strategy(code), ticks_of(CANDLES)
    course, left = Course(Engine(kind, SETTING), "1m"), list(further)
    said: list[Decision | None] = []
    for one in CANDLES:
        first, last = ticks.at_ms.searchsorted([one.open_ms, one.open_ms + MINUTE])
        for tick in ticks.between(int(first), int(last), until_ms=one.open_ms + MINUTE):
            said.append(course.take_tick(tick))
        while left and close_of("5m", left[0].open_ms) <= one.open_ms + MINUTE:
            course.learn("5m", left.pop(0))
        said.append(course.take(one))
    return {one.trigger: told(one) for one in said if one is not None}


def again(code: str, recorded: dict[str, Recorded], further: list[Candle]) -> Comparison:
    longer = {"5m": further} if further else {}
    return compare(strategy(code), SETTING, CANDLES, longer, recorded)


@pytest.mark.parametrize("code", [SPIKES, LONGER])
def test_decisions_on_ticks_come_out_as_they_did(code: str) -> None:
    longer = list(aggregate(bars_of("1m", CANDLES), "5m").candles()) if "5m" in code else []
    recorded = live(code, longer)

    found = again(code, recorded, longer)

    assert (found.differences, found.missing) == ((), ())
    assert found.compared == len(recorded)
    assert found.ticks == sum(trigger.startswith("tick:") for trigger in recorded) > 5


def test_a_decision_on_a_tick_that_was_another_is_named() -> None:
    recorded = live(SPIKES, [])
    trigger = next(name for name in recorded if name.startswith("tick:"))
    signal = changed(recorded[trigger].signals[0], reason="another")

    found = again(SPIKES, {**recorded, trigger: Recorded("signal", (signal,))}, [])

    assert [one.trigger for one in found.differences] == [trigger]


def test_what_counts_ticks_that_said_nothing_is_not_called_the_same() -> None:
    found = again(COUNTING, live(COUNTING, []), [])

    assert found.differences
