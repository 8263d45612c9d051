"""Strategies in the two older styles, written by the book, and what BUY and SELL mean in them."""

import pytest

from strategy_runtime.engine.course import Course
from strategy_runtime.engine.engine import Decision, Engine, Setting
from strategy_runtime.engine.failures import StrategyFailed
from strategy_runtime.feeds.replay import replay
from strategy_runtime.loader import LoadError, load
from strategy_runtime.wire.messages import Candle
from tests.candles import candle, walk
from tests.unit.runtime.drive import FUTURE, SPOT, actions

CLASS = '''
"""A strategy in the older style."""
from base_strategy import BaseStrategy
import pandas as pd


class MovingAverages(BaseStrategy):
    """Follows two averages."""

    def __init__(self):
        super().__init__()
        self.name = "Moving averages"
        self.fast_period = 5
        self.slow_period = 20
        self.seen = 0

    def on_market_data(self, market_data: dict):
        self.seen += 1
        candles = market_data["candles"]
        if len(candles) < self.slow_period + 1:
            return None
        fast = candles["close"].rolling(self.fast_period).mean()
        slow = candles["close"].rolling(self.slow_period).mean()
        price = market_data["price"]
        if fast.iloc[-2] <= slow.iloc[-2] and fast.iloc[-1] > slow.iloc[-1]:
            return {"action": "BUY", "price": price, "stop_loss": price * 0.98}
        if fast.iloc[-2] >= slow.iloc[-2] and fast.iloc[-1] < slow.iloc[-1]:
            return {"action": "SELL", "price": price, "stop_loss": price * 1.02}
        return None

    def on_signal(self, signal):
        self.place_order(signal["action"], 0.001)


strategy = MovingAverages()
strategy.start()
'''

FUNCTION = '''
import pandas as pd


def main(data: pd.DataFrame) -> dict:
    """Crossing averages."""
    data["SMA_20"] = data["close"].rolling(20).mean()
    data["SMA_50"] = data["close"].rolling(50).mean()
    latest, previous = data.iloc[-1], data.iloc[-2]
    price = latest["close"]
    if previous["SMA_20"] <= previous["SMA_50"] and latest["SMA_20"] > latest["SMA_50"]:
        return {
            "signal": "BUY",
            "entryPrice": price,
            "stopLoss": price * 0.98,
            "takeProfit": price * 1.04,
        }
    if previous["SMA_20"] >= previous["SMA_50"] and latest["SMA_20"] < latest["SMA_50"]:
        return {
            "signal": "SELL",
            "entryPrice": price,
            "stopLoss": price * 1.02,
            "takeProfit": price * 0.96,
        }
    return {"signal": "HOLD", "entryPrice": price, "stopLoss": None, "takeProfit": None}
'''

MANIFEST = {"name": "Crossing", "lookback_period": 60, "custom_params": {"size": 3}}


def run(
    code: str,
    candles: list[Candle],
    *,
    instrument: str = FUTURE,
    manifest: dict[str, object] | None = None,
    parameters: dict[str, object] | None = None,
) -> list[Decision]:
    setting = Setting(
        instrument, "1m", manifest=manifest or {}, parameters=parameters or {}, window=60
    )
    return list(replay(Course(Engine(load(code), setting), "1m"), candles))


def test_a_class_that_places_orders_runs_unchanged() -> None:
    decisions = run(CLASS, walk(300), manifest=MANIFEST)
    entries = [s for d in decisions for s in d.signals if s.action in {"LONG", "SHORT"}]

    assert {d.outcome for d in decisions} == {"signal", "none"}
    assert {s.action for s in entries} == {"LONG", "SHORT"}
    assert all(s.stop_loss is not None for s in entries)
    assert ("quantity", 0.001) in [m for d in decisions for m in d.metrics]


def test_a_function_that_returns_a_signal_runs_unchanged() -> None:
    decisions = run(FUNCTION, walk(600), manifest=MANIFEST)
    entries = [s for d in decisions for s in d.signals if s.action in {"LONG", "SHORT"}]

    assert [d.error for d in decisions if d.error] == []
    assert {s.action for s in entries} == {"LONG", "SHORT"}
    assert all(s.stop_loss is not None and s.take_profit is not None for s in entries)


def test_the_classic_function_signals_where_its_averages_cross() -> None:
    import pandas as pd

    candles = walk(600)
    closes = pd.Series([bar.close for bar in candles])
    # By the window that the strategy saw: pandas' running sum depends on where it began.
    above = [
        closes[max(0, n - 59) : n + 1].rolling(20).mean().iloc[-1]
        > closes[max(0, n - 59) : n + 1].rolling(50).mean().iloc[-1]
        for n in range(600)
    ]
    crossed = {
        bar.open_ms for n, bar in enumerate(candles) if n > 49 and above[n] and not above[n - 1]
    }
    decisions = run(FUNCTION, candles, manifest=MANIFEST)
    longs = {
        int(d.trigger.split(":")[1]) for d in decisions for s in d.signals if s.action == "LONG"
    }

    assert longs
    assert longs <= crossed


@pytest.mark.parametrize("code", [CLASS, FUNCTION])
def test_the_same_candles_give_the_same_signals(code: str) -> None:
    candles = walk(200)

    assert run(code, candles) == run(code, candles)


def test_two_engines_share_no_globals() -> None:
    code = (
        "seen = []\n"
        "def main(data):\n"
        "    seen.append(1)\n"
        "    return {'action': 'BUY' if len(seen) == 2 else 'HOLD'}\n"
    )
    kind = load(code)
    setting = Setting(FUTURE, "1m")
    first, second = Engine(kind, setting), Engine(kind, setting)
    first.decide(candle(0))

    assert actions(second.decide(candle(0))) == []
    assert actions(first.decide(candle(1))) == ["LONG"]


# ---- BUY and SELL ------------------------------------------------------------------------------


def script(*words: str) -> str:
    """A function that says one after the other; a word may bring a stop: `BUY 90`."""
    return (
        f"words = iter({words!r})\n"
        "def main(data):\n"
        "    action, _, stop = next(words).partition(' ')\n"
        "    return {'action': action, 'stopLoss': float(stop) if stop else None}\n"
    )


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["BUY", "BUY"], [["LONG"], []]),
        (["SELL", "BUY"], [["SHORT"], ["EXIT_SHORT"]]),
        (["SELL", "BUY 90"], [["SHORT"], ["EXIT_SHORT", "LONG"]]),
        (["SELL", "SELL"], [["SHORT"], []]),
        (["BUY", "SELL"], [["LONG"], ["EXIT_LONG"]]),
        (["BUY", "SELL 110"], [["LONG"], ["EXIT_LONG", "SHORT"]]),
        (["BUY", "SELL", "SELL"], [["LONG"], ["EXIT_LONG"], ["SHORT"]]),
        (["buy", "hold", "close"], [["LONG"], [], ["EXIT_LONG"]]),
        (["LONG", "SHORT"], [["LONG"], ["EXIT_LONG", "SHORT"]]),
        (["EXIT", "BUY", "EXIT_LONG"], [[], ["LONG"], ["EXIT_LONG"]]),
    ],
)
def test_buy_and_sell_mean_what_the_position_makes_of_them(
    words: list[str], said: list[list[str]]
) -> None:
    decisions = run(script(*words), [candle(n, 100.0) for n in range(len(words))])

    assert [actions(decision) for decision in decisions] == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["SELL", "SELL 110"], [[], []]),
        (["BUY", "SELL 110"], [["LONG"], ["EXIT_LONG"]]),
        (["BUY", "SHORT"], [["LONG"], ["EXIT_LONG"]]),
    ],
)
def test_on_spot_sell_leaves_at_most(words: list[str], said: list[list[str]]) -> None:
    candles = [candle(n, 100.0) for n in range(len(words))]

    assert [actions(d) for d in run(script(*words), candles, instrument=SPOT)] == said


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ("{'action': 'PURCHASE'}", "the action 'PURCHASE' is none of BUY"),
        ("5", "a signal is a dict with an 'action'"),
        ("{'action': 'BUY', 'stopLoss': 150}", "must lie below the price"),
        ("{'action': 'BUY', 'stopLoss': float('nan')}", "finite and above zero"),
        ("{'action': 'BUY', 'takeProfit': 'high'}", "a price is a number"),
    ],
)
def test_a_signal_that_cannot_be_meant_is_the_candles_error(answer: str, sentence: str) -> None:
    (decision,) = run(f"def main(data):\n    return {answer}\n", [candle(0, 100.0)])

    assert decision.outcome == "failed"
    assert sentence in (decision.error or "")


@pytest.mark.parametrize(
    "answer", ["None", "'HOLD'", "{}", "{'action': 'HOLD'}", "{'signal': None}"]
)
def test_holding_is_no_signal(answer: str) -> None:
    (decision,) = run(f"def main(data):\n    return {answer}\n", [candle(0)])

    assert decision.outcome == "none"


# ---- what it sees ------------------------------------------------------------------------------

LOOKS = """
from base_strategy import BaseStrategy

class Looks(BaseStrategy):
    def __init__(self, *args):
        super().__init__("looks", {"a": 1})
        self.position = None
        self.state = "idle"

    def on_market_data(self, market_data):
        assert isinstance(market_data, dict)
        assert "candles" in market_data and "nothing" not in market_data
        assert market_data.get("nothing", 5) == 5
        assert set(market_data) == set(dict(market_data)) == set({**market_data})
        frame = market_data.get("candles")
        frame["mine"] = 1
        self.log(f"{market_data['symbol']} {market_data['pair']} {market_data['resolution']}")
        self.logger.info("%s of %s", market_data["price"], self.params)
        self.log(list(frame.columns))
        self.log(f"{len(frame)} {market_data['timestamp'] == frame['timestamp'].iloc[-1]}")
"""


def test_market_data_has_what_the_book_says() -> None:
    (_, decision) = run(
        LOOKS, [candle(0), candle(1, 101.5)], manifest=MANIFEST, parameters={"size": 4}
    )

    assert decision.error is None
    assert [text for _, text in decision.lines] == [
        "BTCUSDT B-BTC_USDT 1m",
        "101.5 of {'size': 4}",
        "['timestamp', 'open', 'high', 'low', 'close', 'volume', 'mine']",
        "2 True",
    ]


def test_the_frame_of_a_function_has_what_the_book_says() -> None:
    code = (
        "def main(data):\n"
        "    assert list(data.columns) == ['timestamp', 'open', 'high', 'low', 'close',"
        " 'volume', 'symbol']\n"
        "    assert data['symbol'].iloc[-1] == 'BTCUSDT'\n"
        "    data['close'] = 0\n"
    )

    assert [d.error for d in run(code, [candle(0), candle(1)])] == [None, None]


def test_an_error_before_there_are_enough_candles_is_a_line_in_the_log() -> None:
    code = "def main(data):\n    data.iloc[-30]\n    return 'BUY'\n"
    decisions = run(code, walk(40), manifest={"lookback_period": 30})

    assert decisions[0].error is None
    assert decisions[0].lines[0][1].startswith("warming up: IndexError")
    assert actions(decisions[29]) == ["LONG"]


def test_an_error_tells_the_authors_line() -> None:
    (decision,) = run("def main(data):\n    return 1 / 0\n", [candle(0)])

    assert "ZeroDivisionError" in (decision.error or "")
    assert "strategy.py, line 2, in main: return 1 / 0" in (decision.error or "")


# ---- loading -----------------------------------------------------------------------------------


def test_a_class_that_nobody_starts_is_started_all_the_same() -> None:
    code = CLASS.replace("strategy = Moving", "if __name__ == '__main__':\n  strategy = Moving")
    code = code.replace("\nstrategy.start()", "\n  strategy.start()")

    assert load(code).__name__ == "MovingAverages"
    assert any(decision.signals for decision in run(code, walk(200)))


def test_emitting_a_signal_is_as_good_as_returning_it() -> None:
    emits = (
        "from base_strategy import BaseStrategy\n"
        "class Emits(BaseStrategy):\n"
        "    def on_market_data(self, market_data):\n"
        "        self.emit_signal({'action': 'BUY', 'stopLoss': 90, 'reason': 'why not'})\n"
        "Emits().start()\n"
    )
    (decision,) = run(emits, [candle(0, 100.0)])
    (signal,) = decision.signals

    assert signal.action == "LONG"
    assert signal.stop_loss == 90
    assert signal.reason == "why not"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (
            "from base_strategy import BaseStrategy\nclass S(BaseStrategy): pass\n",
            "no on_market_data",
        ),
        ("from base_strategy import BaseStrategy\n", "defines no strategy"),
        ("main = 5\n", "defines no strategy"),
    ],
)
def test_what_is_no_strategy_of_any_style_is_refused(code: str, sentence: str) -> None:
    with pytest.raises(LoadError, match=sentence):
        load(code)


def test_a_class_that_needs_arguments_says_what_to_write() -> None:
    code = (
        "from base_strategy import BaseStrategy\n"
        "class S(BaseStrategy):\n"
        "    def __init__(self, pair): ...\n"
        "    def on_market_data(self, market_data): ...\n"
    )

    with pytest.raises(StrategyFailed, match="end the file with"):
        Engine(load(code), Setting(FUTURE, "1m"))
