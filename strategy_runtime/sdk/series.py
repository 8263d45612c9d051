"""The candles of one resolution, as a strategy sees them, and the indicators that follow them."""

from strategy_runtime.sdk.history import History
from strategy_runtime.sdk.indicators import Indicator
from strategy_runtime.wire.messages import Candle


class Series:
    def __init__(self, resolution: str, history: History) -> None:
        self.resolution = resolution
        self.history = history
        self.indicators: list[Indicator] = []
        self._next_seq: int | None = None

    def feed(self, candle: Candle) -> None:
        seq = candle.seq
        if seq != self._next_seq and self._next_seq is not None:
            for indicator in self.indicators:
                indicator.realign(seq)

        self._next_seq = seq + 1
        self.history.append(candle)
        for indicator in self.indicators:
            indicator.update(candle, seq)
