"""What runs inside a strategy's container, and what its author imports.

The names are looked up on first use: the control plane imports `strategy_runtime.wire` and must
not load the SDK for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from strategy_runtime.sdk import BaseStrategy, Candle, Position, Tick, param

__all__ = ["BaseStrategy", "Candle", "Position", "Tick", "param"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module("strategy_runtime.sdk"), name)
