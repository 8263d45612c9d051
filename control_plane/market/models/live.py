"""The minutes of a real market, closed by what the exchange says and never by a guess.

A socket repeats the bar that is forming, always whole, and may lose, double or reorder what it
says. So of each minute the fullest frame is kept, and only two things make it final: a frame that
says so itself, or the exchange's own list of bars, asked once the minute was over. Minutes leave in
order: one that is not final holds back those after it until the list was read.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from control_plane.market.models.trades import MINUTE_MS
from strategy_runtime.wire.messages import Candle
from strategy_runtime.wire.resolutions import sequence

KEPT_MINUTES = 1_500  # of frames that wait behind a gap


class Shape(NamedTuple):
    """What happened within one minute."""

    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass
class LiveMinutes:
    """One instrument's, from the minute that opens at `open_ms` on; `close` is the one before."""

    open_ms: int
    close: float | None
    unheard: int = 0  # minutes in a row that traded and that no frame told of
    repeated: int = 0
    _told: dict[int, Shape] = field(default_factory=dict)
    _final: dict[int, Shape | None] = field(default_factory=dict)  # None: nobody traded

    def heard(self, open_ms: int, shape: Shape, *, is_final: bool) -> None:
        if open_ms < self.open_ms or open_ms in self._final:
            self.repeated += 1
            return
        if is_final:
            self._final[open_ms] = shape
            return
        known = self._told.get(open_ms)
        if known is None or shape.volume >= known.volume:
            self._told[open_ms] = shape
        if len(self._told) > KEPT_MINUTES:
            del self._told[min(self._told)]

    def lacking(self, now_ms: int, patience_ms: int) -> tuple[int, int] | None:
        """From and until which moment the exchange's list has to be read, by its own clock."""
        over_ms = (now_ms - patience_ms) // MINUTE_MS * MINUTE_MS
        missing = [m for m in range(self.open_ms, over_ms, MINUTE_MS) if m not in self._final]
        return (missing[0], missing[-1] + MINUTE_MS) if missing else None

    def confirmed(
        self, listed: Mapping[int, Shape], from_ms: int, until_ms: int, *, is_settled: bool
    ) -> None:
        """The list's answer for these minutes, read after they were over.

        Until it is settled, a list that lacks a minute, or knows less of it than we were told, is
        believed to be behind: it is asked again.
        """
        newest_ms = max(listed, default=0)
        for open_ms in range(max(from_ms, self.open_ms), until_ms, MINUTE_MS):
            if open_ms in self._final:
                continue
            shape, told = listed.get(open_ms), self._told.get(open_ms)
            is_behind = newest_ms <= open_ms if shape is None else _is_fuller(told, shape)
            if is_behind and not is_settled:
                return
            self._final[open_ms] = shape
            traded = shape is not None and shape.volume > 0
            self.unheard = self.unheard + 1 if traded and told is None else 0

    def close_by_frames(self) -> None:
        """The next minute is final as its fullest frame has it: where no list can be asked."""
        if self.open_ms not in self._final:
            self._final[self.open_ms] = self._told.get(self.open_ms)

    def ready(self) -> list[Candle]:
        """Every minute that is final, up to the first that is not; each leaves once."""
        made: list[Candle] = []
        while self.open_ms in self._final:
            shape, opens = self._final.pop(self.open_ms), self.open_ms
            self._told.pop(opens, None)
            self.open_ms += MINUTE_MS
            number = sequence("1m", opens)
            if shape is not None:
                self.close = shape.close
                made.append(Candle(opens, *shape, number))
            elif self.close is not None:
                made.append(Candle(opens, *(self.close,) * 4, 0.0, number))
        return made

    def behind_ms(self, now_ms: int) -> int:
        """How long the next minute is over."""
        return max(0, now_ms - self.open_ms - MINUTE_MS)


def _is_fuller(told: Shape | None, listed: Shape) -> bool:
    return told is not None and told.volume > listed.volume
