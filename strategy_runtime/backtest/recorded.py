"""Recorded candles, for those above who may not look into the SDK."""

from strategy_runtime.sdk.bars import BadBars, Bars, bars_of

__all__ = ["BadBars", "Bars", "bars_of"]
