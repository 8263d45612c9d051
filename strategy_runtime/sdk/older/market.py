"""The market as older strategies see it: a dict with the candle, and a frame of the last ones."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from strategy_runtime.sdk.history import FIELDS, History
from strategy_runtime.wire.messages import Candle

if TYPE_CHECKING:
    import pandas as pd

    from strategy_runtime.sdk.older.base import Facts

CANDLES = "candles"


class MarketData(dict[str, Any]):
    """A dict like any other; its frame is made when somebody looks at it."""

    def __init__(self, facts: "Facts", candle: Candle, history: History) -> None:
        super().__init__(
            symbol=facts.symbol,
            pair=facts.pair,
            instrument=facts.instrument,
            resolution=facts.resolution,
            timestamp=candle.open_ms,
            open=candle.open,
            high=candle.high,
            low=candle.low,
            close=candle.close,
            price=candle.close,
            volume=candle.volume,
        )
        self._history = history

    def __missing__(self, name: str) -> Any:
        if name != CANDLES:
            raise KeyError(name)
        made = frame(self._history)
        self[CANDLES] = made
        return made

    def get(self, name: str, default: Any = None) -> Any:
        return self[CANDLES] if name == CANDLES else super().get(name, default)

    def __contains__(self, name: object) -> bool:
        return name == CANDLES or super().__contains__(name)

    def __iter__(self) -> Iterator[str]:
        self._fill()
        return super().__iter__()

    def __len__(self) -> int:
        self._fill()
        return super().__len__()

    def keys(self) -> Any:
        self._fill()
        return super().keys()

    def values(self) -> Any:
        self._fill()
        return super().values()

    def items(self) -> Any:
        self._fill()
        return super().items()

    def copy(self) -> dict[str, Any]:
        return dict(self.items())

    def _fill(self) -> None:
        if not super().__contains__(CANDLES):
            self[CANDLES] = frame(self._history)


def frame(history: History, **constant: object) -> "pd.DataFrame":
    """The candles as columns, oldest first; a copy, so that its owner may write into it."""
    import pandas as pd  # 0.3 s and 25 MB, for those who ask

    columns: dict[str, Any] = {"timestamp": history.open_ms.copy()}
    columns |= {name: getattr(history, name).copy() for name in FIELDS}
    return pd.DataFrame({**columns, **constant})
