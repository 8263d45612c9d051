"""Everything that sockets said, as lines of JSON, and the same heard again.

A recording holds what the venue sent, not what we made of it: each line is the moment, the host,
the event's name and its argument as it came.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import FileIO
from pathlib import Path

from control_plane.brokers.coindcx.frames import (
    CandleTold,
    NotUnderstood,
    Told,
    TradeTold,
    read_frame,
)
from control_plane.core.clock import Clock, ms
from control_plane.infra.socket_io import Event
from control_plane.market.models.live import LiveMinutes, Shape
from control_plane.market.models.trades import MINUTE_MS, Closed


@dataclass
class Recorder:
    """Adds to a file; whole lines only, so that a crash costs the last one at most."""

    path: Path
    clock: Clock
    _file: FileIO | None = field(default=None, repr=False)

    def __call__(self, url: str, name: str, argument: object) -> None:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("ab", buffering=0)
        line = [ms(self.clock.now()), url, name, argument]
        self._file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None


def recorded(path: Path) -> Iterator[tuple[int, str, Event]]:
    """A line that a crash broke off ends it."""
    with path.open("rb") as file:
        for line in file:
            try:
                at_ms, url, name, argument = json.loads(line)
            except ValueError:
                return
            yield int(at_ms), str(url), (str(name), argument)


@dataclass
class Replay:
    """What a recording holds, instrument by instrument: ticks, frames, and the minutes that frames
    alone closed.
    """

    heard: dict[str, "Heard"] = field(default_factory=dict)
    not_understood: int = 0

    def take(self, event: Event) -> list[Closed]:
        """The minutes that this event closed."""
        found = read_frame(*event)
        if isinstance(found, NotUnderstood):
            self.not_understood += 1
            return []
        return [one for told in found for one in self._told(told)]

    def _told(self, told: Told) -> list[Closed]:
        if not isinstance(told, TradeTold | CandleTold):
            return []
        name = f"{'fut' if told.is_futures else 'spot'}:{told.pair}"
        heard = self.heard.setdefault(name, Heard(name))
        if isinstance(told, TradeTold):
            heard.ticks += 1
            return []
        return heard.frame(told) if told.interval == "1m" else []


@dataclass
class Heard:
    instrument: str
    ticks: int = 0
    frames: int = 0
    closed: int = 0
    minutes: LiveMinutes | None = None

    def frame(self, told: CandleTold) -> list[Closed]:
        """With no list of bars at hand, a frame of the next minute closes the one before it."""
        self.frames += 1
        minutes = self.minutes
        if minutes is None or told.open_ms > minutes.open_ms + MINUTE_MS:
            minutes = self.minutes = LiveMinutes(told.open_ms, None)
        shape = Shape(*map(float, (told.open, told.high, told.low, told.close, told.volume)))
        minutes.heard(told.open_ms, shape, is_final=told.closed is True)
        if told.open_ms == minutes.open_ms + MINUTE_MS:
            minutes.close_by_frames()
        made = [Closed(self.instrument, "1m", candle) for candle in minutes.ready()]
        self.closed += len(made)
        return made
