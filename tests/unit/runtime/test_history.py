import subprocess
import sys

import numpy as np
import pytest

from strategy_runtime.sdk.history import History
from tests.candles import START_MS, candle
from tests.unit.runtime.drive import engine


def filled(count: int, window: int = 5) -> History:
    history = History(window)
    for number in range(count):
        history.append(candle(number, float(number)))
    return history


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 9, 10, 11, 23])
def test_the_window_holds_the_newest_candles(count: int) -> None:
    history = filled(count)
    expected = list(range(count))[-5:]

    assert len(history) == len(expected)
    assert history.close.tolist() == expected
    assert history.open_ms.tolist() == [START_MS + 60_000 * number for number in expected]


def test_a_candle_by_its_age() -> None:
    history = filled(12)

    assert history[-1].close == 11.0
    assert history[-5] == history[0] == candle(7, 7.0)
    with pytest.raises(IndexError, match=r"history\[5\]: there are 5 candles"):
        history[5]


def test_a_view_put_aside_stays_what_it_was() -> None:
    history = filled(8)
    view = history.close
    for number in range(8, 40):
        history.append(candle(number, float(number)))

    assert view.tolist() == [3, 4, 5, 6, 7]


def test_a_view_cannot_change_history() -> None:
    with pytest.raises(ValueError, match="read-only"):
        filled(8).high[0] = 1.0


def test_columns_need_no_copy() -> None:
    history = filled(8)

    assert np.shares_memory(history.close, history.close)


def test_a_frame_is_indexed_by_time_and_free_to_change() -> None:
    history = filled(3)
    frame = history.frame()
    frame["close"] = 0.0

    assert list(frame.columns) == ["open", "high", "low", "close", "volume"]
    assert frame.index[0].timestamp() * 1000 == START_MS
    assert str(frame.index.dtype).endswith("UTC]")
    assert history.close.tolist() == [0.0, 1.0, 2.0]


def test_a_strategy_sees_its_newest_candle_last() -> None:
    made = engine("def on_candle(self, candle):\n    self.metric('c', self.history.close[-1])")
    made.warm(candle(0, 1.0))

    assert made.decide(candle(1, 2.0)).metrics == (("c", 2.0),)


def test_nothing_heavy_is_imported_until_a_strategy_asks() -> None:
    code = (
        "import sys\n"
        "import strategy_runtime.sdk, strategy_runtime.engine.course, strategy_runtime.loader\n"
        "print(sorted({'numpy', 'pandas', 'asyncio', 'redis'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert said.stdout.strip() == "[]"
