"""A strategy in the older style of classes: on_market_data, on_signal, place_order, start."""

from typing import Any

from base_strategy import BaseStrategy  # type: ignore[import-not-found] # the runtime has it


class MeanReversion(BaseStrategy):  # type: ignore[misc] # as above
    """Buys below the average of the last closes, and sells above it."""

    def __init__(self) -> None:
        super().__init__()
        self.period = int(self.config.get("period", 20))
        self.deviations = float(self.config.get("deviations", 1.5))
        self.stop = float(self.config.get("stop", 1.0))

    def on_market_data(self, market_data: dict[str, Any]) -> dict[str, Any] | None:
        closes = market_data["candles"]["close"]
        if len(closes) < self.period:
            return None

        window = closes.iloc[-self.period :]
        mean, spread = window.mean(), window.std()
        price = market_data["price"]
        if price < mean - self.deviations * spread:
            return {"action": "BUY", "price": price, "stop_loss": price * (1 - self.stop / 100)}
        if price > mean + self.deviations * spread:
            return {"action": "SELL", "price": price, "stop_loss": price * (1 + self.stop / 100)}
        return None

    def on_signal(self, signal: dict[str, Any]) -> None:
        self.place_order(signal["action"], 0.001)


strategy = MeanReversion()
strategy.start()
