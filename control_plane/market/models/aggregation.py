"""Trades become minutes, minutes become every longer candle.

A candle closes once and is never repainted. What arrives after that is counted and left out; what
arrives twice counts once; a minute without trades is flat at the close before it. A candle whose
beginning was not seen is not made at all.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from math import fsum

from control_plane.market.models.trades import MINUTE_MS, Closed, Trade
from strategy_runtime.rules.money import ZERO
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import (
    DURATION_MS,
    RESOLUTIONS,
    Resolution,
    close_of,
    open_of,
    sequence,
)

# Each longer candle is built from the longest that divides it: few parts, and few to read again
# after a restart.
BUILT_FROM: Mapping[Resolution, Resolution] = {
    "5m": "1m",
    "15m": "5m",
    "30m": "15m",
    "1h": "30m",
    "2h": "1h",
    "4h": "2h",
    "6h": "2h",
    "8h": "4h",
    "1d": "8h",
    "1w": "1d",
}
BUILDS: Mapping[Resolution, Sequence[Resolution]] = {
    part: tuple(whole for whole, of in BUILT_FROM.items() if of == part) for part in RESOLUTIONS
}


class _Minute:
    """What is known of one minute that is still open."""

    __slots__ = ("close", "first", "high", "last", "low", "open", "seen", "volume")

    # Set by the first trade: a minute that saw none has neither.
    first: tuple[int, int]
    last: tuple[int, int]
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal

    def __init__(self) -> None:
        self.seen: set[int] = set()
        self.volume = ZERO


class Minutes:
    """One instrument's 1m candles, from the minute that opens at `open_ms` on."""

    def __init__(self, open_ms: int, close: float | None, *, lateness_ms: int = 0) -> None:
        first = -(-open_ms // MINUTE_MS) * MINUTE_MS  # a minute begun without us is not ours
        self.open_ms = first
        self.late = 0
        self.repeated = 0
        self._close = close
        self._lateness_ms = lateness_ms
        self._end_ms = first + MINUTE_MS
        self._current = _Minute()
        self._ahead: dict[int, _Minute] = {}

    def add(self, trade: Trade) -> None:
        at, name = trade.at_ms, trade.id
        if at < self.open_ms:
            self.late += 1
            return
        minute = self._current if at < self._end_ms else self._later(at)

        seen = minute.seen
        if name in seen:
            self.repeated += 1
            return
        price = trade.price
        if seen:
            # Trades may come in any order: the earliest opens, the latest closes.
            if (at, name) > minute.last:
                minute.last, minute.close = (at, name), price
            elif (at, name) < minute.first:
                minute.first, minute.open = (at, name), price
            if price > minute.high:
                minute.high = price
            elif price < minute.low:
                minute.low = price
        else:
            minute.first = minute.last = (at, name)
            minute.open = minute.high = minute.low = minute.close = price
        seen.add(name)
        minute.volume += trade.quantity

    def advance(self, upto_ms: int) -> list[Candle]:
        """Close every minute whose trades, late ones too, must have come by now."""
        closed: list[Candle] = []
        while self._end_ms + self._lateness_ms <= upto_ms:
            candle = self._finish()
            if candle is not None:
                closed.append(candle)
        return closed

    def _later(self, at: int) -> _Minute:
        opens = at // MINUTE_MS * MINUTE_MS
        minute = self._ahead.get(opens)
        if minute is None:
            minute = self._ahead[opens] = _Minute()
        return minute

    def _finish(self) -> Candle | None:
        minute, opens = self._current, self.open_ms
        self.open_ms, self._end_ms = self._end_ms, self._end_ms + MINUTE_MS
        ahead = self._ahead.pop(self.open_ms, None)
        self._current = _Minute() if ahead is None else ahead

        number = sequence("1m", opens)
        if minute.seen:
            self._close = float(minute.close)
            high, low = float(minute.high), float(minute.low)
            volume = float(minute.volume)
            return Candle(opens, float(minute.open), high, low, self._close, volume, number)
        if self._close is None:
            return None
        return Candle(opens, *(self._close,) * 4, 0.0, number)


class Rollup:
    """One instrument's longer candles. `step` is what its quantities are multiples of."""

    def __init__(self, step: Decimal) -> None:
        exponent = step.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        self._places = max(0, -exponent)
        self._parts: dict[Resolution, list[Candle]] = {whole: [] for whole in BUILT_FROM}

    def resume(self, whole: Resolution, parts: Sequence[Candle]) -> None:
        """Take up a candle that was being built: the parts of it that have closed already."""
        self._parts[whole] = []
        for part in parts:
            self._extend(whole, part)

    def add(self, instrument: str, candle: Candle, resolution: Resolution = "1m") -> list[Closed]:
        """Everything that closes with this candle, itself first."""
        closed = [Closed(instrument, resolution, candle)]
        for whole in BUILDS[resolution]:
            longer = self._extend(whole, candle)
            if longer is not None:
                closed += self.add(instrument, longer, whole)
        return closed

    def _extend(self, whole: Resolution, part: Candle) -> Candle | None:
        parts, length = self._parts[whole], DURATION_MS[BUILT_FROM[whole]]
        opens = open_of(whole, part.open_ms)
        if parts and part.open_ms != parts[-1].open_ms + length:
            parts.clear()
        if not parts and part.open_ms != opens:
            return None  # its beginning was not seen

        parts.append(part)
        if part.open_ms + length < close_of(whole, opens):
            return None
        self._parts[whole] = []
        return self._joined(whole, parts)

    def _joined(self, whole: Resolution, parts: Sequence[Candle]) -> Candle:
        opens = parts[0].open_ms
        # A part without trades repeats an older price, which is none of this candle's own.
        traded = [part for part in parts if part.volume] or parts
        return Candle(
            opens,
            traded[0].open,
            max(part.high for part in traded),
            min(part.low for part in traded),
            parts[-1].close,
            # Quantities are multiples of a step, so rounding there gives the exact sum's float.
            round(fsum(part.volume for part in parts), self._places),
            sequence(whole, opens),
            parts[-1].published_ms,
            parts[-1].gap_filled,
        )
