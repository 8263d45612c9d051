"""A history that was recorded: its columns are there from the beginning, a mark moves over them.

What lies behind the mark is all that a strategy is shown, in the same shape as in a container.
"""

from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from strategy_runtime.sdk.bars import PRICES, Bars, Column, Times
from strategy_runtime.sdk.history import History
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    import pandas as pd

T = TypeVar("T", bound=np.generic)


class Tape(History):
    def __init__(self, bars: Bars, window: int) -> None:
        self.bars = bars
        self.window = window
        self.end = 0
        self._times = _sealed(bars.open_ms)
        self._open, self._high, self._low, self._close, self._traded = (
            _sealed(bars.column(name)) for name in PRICES
        )

    def __len__(self) -> int:
        return min(self.end, self.window)

    def __getitem__(self, index: int) -> Candle:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"history[{index}]: there are {size} candles")
        at = self.end + index if index < 0 else self.end - size + index
        return next(self.bars.part(at, at + 1).candles())

    @property
    def open(self) -> Column:
        return self._open[max(0, self.end - self.window) : self.end]

    @property
    def high(self) -> Column:
        return self._high[max(0, self.end - self.window) : self.end]

    @property
    def low(self) -> Column:
        return self._low[max(0, self.end - self.window) : self.end]

    @property
    def close(self) -> Column:
        return self._close[max(0, self.end - self.window) : self.end]

    @property
    def volume(self) -> Column:
        return self._traded[max(0, self.end - self.window) : self.end]

    @property
    def open_ms(self) -> Times:
        return self._times[max(0, self.end - self.window) : self.end]

    def frame(self) -> "pd.DataFrame":
        import pandas as pd  # as in a container: for those who ask

        columns = {name: getattr(self, name).copy() for name in PRICES}
        index = pd.to_datetime(self.open_ms, unit="ms", utc=True)
        return pd.DataFrame(columns, index=pd.Index(index, name="time"))

    def append(self, candle: Candle) -> None:
        raise TypeError("a tape is recorded already")


def _sealed(column: NDArray[T]) -> NDArray[T]:
    """A view that nobody can write through."""
    view = column.view()
    view.flags.writeable = False
    return view
