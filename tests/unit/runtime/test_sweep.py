"""The fast way over recorded bars says what a replay says, decision for decision."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.engine.sweep import sweep
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import load
from strategy_runtime.sdk import bars as recorded
from strategy_runtime.sdk.bars import Bars, bars_of
from strategy_runtime.wire.messages import Candle
from tests.candles import longer, walk
from tests.unit.runtime.drive import FUTURE, SPOT, strategy
from tests.unit.runtime.test_older import CLASS, FUNCTION

BODIES = {
    "crosses": """
def on_start(self):
    self.fast, self.slow = self.sma(3), self.ema(8)
def on_candle(self, candle):
    if self.fast.crossed_above(self.slow):
        return self.long(stop_loss=candle.close * 0.999, take_profit=candle.close * 1.002)
    if self.fast.crossed_below(self.slow):
        return self.short(stop_distance=candle.close * 0.001)
""",
    "everything": """
def on_start(self):
    self.lines = [self.macd(3, 6, 2), self.bollinger(5), self.adx(4), self.atr(3), self.rsi(4)]
    self.lines += [self.stochastic(5), self.supertrend(4), self.donchian(6), self.obv()]
    self.lines += [self.vwap(9), self.wma(4), self.rolling_std(5)]
def on_candle(self, candle):
    for number, line in enumerate(self.lines):
        self.metric(str(number), line)
        self.metric(f"{number}'", line.previous)
    if self.lines[6].is_up:
        return self.long(stop_distance=2 * self.lines[3]) if self.lines[3].ready else None
    return self.exit_long()
""",
    "history": """
lookback = 30
def on_candle(self, candle):
    assert self.history[-1] == candle and self.history.close[-1] == candle.close
    assert len(self.history) <= 30 and self.history.open_ms[-1] == candle.open_ms
    if len(self.history.close) > 20 and self.history.close[-20:].mean() > candle.close:
        return self.long(take_profit=float(self.history.high.max()) * 1.001)
    return self.exit_long(reason=f"{len(self.history)} {self.history.volume.sum():.9g}")
""",
    "frame": """
def on_candle(self, candle):
    frame = self.history.frame()
    frame["x"] = 1
    self.metric("mean", frame["close"].mean())
""",
    "state": """
def on_candle(self, candle):
    self.state["n"] = self.state.get("n", 0) + 1
    if self.state["n"] % 7 == 0:
        self.log("seven")
        return self.long()
    if self.state["n"] % 11 == 0:
        self.state = {}
        return self.exit_long()
""",
    "fails": """
def on_candle(self, candle):
    if candle.seq % 5 == 0:
        self.long()
        raise ValueError("five")
    if candle.seq % 7 == 0:
        return self.long(stop_loss=candle.close * 2)
    if candle.seq % 3 == 0:
        return 7
""",
    "trails": """
def on_candle(self, candle):
    if self.position.is_flat:
        return self.short(stop_distance=candle.close * 0.01)
    return self.trailing_stop(candle.close * 0.001) or self.break_even(candle.close * 0.0005)
""",
    "parts": """
resolutions = ("5m", "15m")
def on_start(self):
    self.slow, self.fast = self.sma(3, on="5m"), self.rsi(2, on="15m")
def on_candle(self, candle):
    seen = [len(self.candles(name)) for name in self.resolutions]
    self.metric("slow", self.slow)
    self.metric("before", self.slow.previous)
    self.metric("fast", self.fast)
    self.metric("last", self.candles("15m")[-1].close if seen[1] else 0)
    self.metric("closes", self.candles("5m").close.sum())
    if candle.close > self.slow:
        return self.long()
""",
}


def both(
    kind_of: str,
    candles: list[Candle],
    *,
    first: int = 0,
    instrument: str = FUTURE,
    window: int = 25,
) -> tuple[list[Decision], list[Decision]]:
    """What a replay decides where it says something, and what a sweep does."""
    kind = strategy(BODIES[kind_of]) if kind_of in BODIES else load(kind_of)
    setting = Setting(instrument, "1m", window=window, manifest={"sl_atr_multiplier": 3})
    further = {name: longer(candles, name) if candles else [] for name in kind.resolutions}
    start = candles[first].open_ms if first < len(candles) else 2**60
    course = Course(Engine(kind, setting), "1m", start_ms=start)
    replayed = list(replay(course, candles, further))
    swept = sweep(
        kind,
        setting,
        bars_of("1m", candles),
        {name: bars_of(name, some) for name, some in further.items()},
        first=first,
    )

    assert swept.decided == len(replayed)
    assert swept.position == course.engine.position
    assert [f.fill for f in swept.fills] == [fill for d in replayed for fill in d.fills]
    said = [d for d in replayed if d.outcome != "none" or d.lines or d.metrics or d.state != b"{}"]
    return said, [decision for _, decision in swept.decisions]


@pytest.mark.parametrize("name", BODIES)
@settings(max_examples=12, deadline=None)
@given(st.integers(0, 160), st.integers(0, 40), st.integers(0, 1_000), st.booleans())
def test_a_sweep_says_what_a_replay_says(
    name: str, count: int, first: int, seed: int, gaps: bool
) -> None:
    candles = walk(count, seed=seed)
    if gaps:
        candles = [bar for bar in candles if bar.seq % 13]

    said, swept = both(name, candles, first=min(first, len(candles)))

    assert swept == said


@pytest.mark.parametrize("code", [CLASS, FUNCTION], ids=["class", "function"])
def test_older_styles_are_swept_as_well(code: str) -> None:
    said, swept = both(code, walk(400), window=60)

    assert swept == said
    assert any(decision.signals for decision in swept)


def test_a_spot_market_is_swept_as_well() -> None:
    said, swept = both("crosses", walk(200), instrument=SPOT)

    assert swept == said
    assert {s.action for d in swept for s in d.signals} == {"LONG", "EXIT_LONG"}


def test_bars_beyond_one_chunk_follow_on() -> None:
    count = recorded.CHUNK + 300
    said, swept = both("crosses", walk(count))

    assert swept == said
    assert swept[-1].trigger > said[0].trigger


def test_nothing_can_be_written_into_the_history() -> None:
    kind = strategy("def on_candle(self, candle):\n    self.history.close[-1] = 1")

    ((_, decision),) = sweep(kind, Setting(FUTURE, "1m"), bars_of("1m", walk(1))).decisions

    assert "read-only" in (decision.error or "")


def test_a_resolution_without_candles_is_refused() -> None:
    kind = strategy("resolutions = ('1h',)\ndef on_candle(self, candle): ...")

    with pytest.raises(StrategyFailed, match="no recorded candles of '1h'"):
        sweep(kind, Setting(FUTURE, "1m"), bars_of("1m", walk(3)))


def test_progress_and_parting_words_are_told() -> None:
    kind = strategy(
        "def on_candle(self, candle): ...\ndef on_stop(self):\n    self.log('good-bye')"
    )
    told: list[int] = []

    found = sweep(kind, Setting(FUTURE, "1m"), bars(5), progress=told.append)

    assert told == [5]
    assert found.parting == [("info", "good-bye")]


def bars(count: int) -> Bars:
    return bars_of("1m", walk(count))
