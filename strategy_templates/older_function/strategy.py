"""A strategy in the older style of functions: the candles come in as a frame, a dict goes out."""

import pandas as pd


def main(data: pd.DataFrame) -> dict[str, object]:
    """Follows the averages of 20 and 50 closes."""
    data["SMA_20"] = data["close"].rolling(window=20).mean()
    data["SMA_50"] = data["close"].rolling(window=50).mean()
    if len(data) < 51:
        return {"signal": "HOLD"}

    latest, previous = data.iloc[-1], data.iloc[-2]
    price = float(latest["close"])
    if previous["SMA_20"] <= previous["SMA_50"] and latest["SMA_20"] > latest["SMA_50"]:
        return {
            "signal": "BUY",
            "entryPrice": price,
            "stopLoss": price * 0.99,
            "takeProfit": price * 1.02,
        }
    if previous["SMA_20"] >= previous["SMA_50"] and latest["SMA_20"] < latest["SMA_50"]:
        return {
            "signal": "SELL",
            "entryPrice": price,
            "stopLoss": price * 1.01,
            "takeProfit": price * 0.98,
        }
    return {"signal": "HOLD"}
