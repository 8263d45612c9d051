"""Resolutions and their boundaries, aligned to UTC; a week opens on Monday."""

from collections.abc import Mapping
from typing import Literal, get_args

Resolution = Literal["1m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "8h", "1d", "1w"]

RESOLUTIONS: tuple[Resolution, ...] = get_args(Resolution)

_MINUTE = 60_000
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR

DURATION_MS: Mapping[str, int] = {
    "1m": _MINUTE,
    "5m": 5 * _MINUTE,
    "15m": 15 * _MINUTE,
    "30m": 30 * _MINUTE,
    "1h": _HOUR,
    "2h": 2 * _HOUR,
    "4h": 4 * _HOUR,
    "6h": 6 * _HOUR,
    "8h": 8 * _HOUR,
    "1d": _DAY,
    "1w": 7 * _DAY,
}

# 1 January 1970 was a Thursday: the first Monday came four days later.
_WEEK_OFFSET = 4 * _DAY


def open_of(resolution: str, at_ms: int) -> int:
    """The open time of the candle that this moment falls into."""
    length = DURATION_MS[resolution]
    offset = _WEEK_OFFSET if resolution == "1w" else 0
    return (at_ms - offset) // length * length + offset


def close_of(resolution: str, open_ms: int) -> int:
    """The first moment that no longer belongs to the candle."""
    return open_ms + DURATION_MS[resolution]


def sequence(resolution: str, open_ms: int) -> int:
    """Consecutive candles have consecutive numbers."""
    return open_ms // DURATION_MS[resolution]


def candle_trigger(resolution: str, open_ms: int) -> str:
    return f"{resolution}:{open_ms}"


def tick_trigger(base_open_ms: int) -> str:
    return f"tick:{base_open_ms}"


def trigger_open(trigger: str) -> int:
    """The open time in a trigger's name: triggers of one deployment are ordered by it."""
    return int(trigger.rpartition(":")[2])
