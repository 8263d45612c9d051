"""What a process says beside its decisions: heartbeats, its author's lines and metrics, its end,
and frames that were none.

All of it may be lost and none of it may fill a disk: it is kept here, bounded, until it is written
down once a second.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from control_plane.infra.flood import Allowance
from control_plane.signals.models.frames import run_is_named
from control_plane.signals.models.text import (
    LARGEST,
    LARGEST_INT,
    MAX_LINE,
    MAX_NAME,
    MAX_REASON,
    bounded,
    clean,
    shown,
)
from strategy_runtime.wire import messages

LINES_PER_SECOND, LINES_BURST = 20, 200
LETTERS_PER_SECOND, LETTERS_BURST = 1, 10


@dataclass(frozen=True)
class Letter:
    """A frame that counted for nothing, and why."""

    reason: str
    frame: str


@dataclass(frozen=True)
class Page:
    """What is written down at once."""

    beats: tuple[messages.Heartbeat, ...]
    lines: tuple[messages.LogLine, ...]
    metrics: tuple[messages.Metric, ...]
    letters: tuple[Letter, ...]
    byes: tuple[tuple[str, str], ...]  # run, reason


def _allowed() -> Allowance:
    return Allowance(LINES_PER_SECOND, LINES_BURST)


@dataclass
class Notebook:
    """Of one channel, since it was written down last."""

    _lines_allowed: Allowance = field(default_factory=_allowed)
    _metrics_allowed: Allowance = field(default_factory=_allowed)
    _letters_allowed: Allowance = field(
        default_factory=lambda: Allowance(LETTERS_PER_SECOND, LETTERS_BURST)
    )
    _beat: messages.Heartbeat | None = None
    _lines: list[messages.LogLine] = field(default_factory=list)
    _metrics: list[messages.Metric] = field(default_factory=list)
    _letters: list[Letter] = field(default_factory=list)
    _bye: tuple[str, str] | None = None
    _lines_dropped: int = 0
    _letters_dropped: int = 0

    def beat(self, said: messages.Heartbeat) -> None:
        """The latest one says it all."""
        if run_is_named(said.run):
            self._beat = messages.Heartbeat(
                run=said.run,
                at_ms=bounded(said.at_ms, LARGEST),
                phase=said.phase,
                last_trigger=None
                if said.last_trigger is None
                else clean(said.last_trigger, MAX_NAME),
                lag_ms=bounded(said.lag_ms, LARGEST_INT),
                loop_lag_ms=bounded(said.loop_lag_ms, LARGEST_INT),
                rss_bytes=bounded(said.rss_bytes, LARGEST),
                cpu_seconds=said.cpu_seconds,
                waiting=bounded(said.waiting, LARGEST_INT),
                dropped=bounded(said.dropped, LARGEST_INT),
            )

    def note(self, now: float, said: messages.Notes) -> None:
        self._add_lines(now, said.lines)
        for metric in said.metrics:
            if self._metrics_allowed.take(now):
                name = clean(metric.name, MAX_NAME)
                at = bounded(metric.at_ms, LARGEST)
                self._metrics.append(messages.Metric(at, name, metric.value))
            else:
                self._lines_dropped += 1

    def bye(self, said: messages.Bye) -> None:
        if run_is_named(said.run):
            self._bye = (said.run, clean(said.reason, MAX_REASON))

    def letter(self, now: float, reason: str, frame: bytes) -> None:
        if self._letters_allowed.take(now):
            more = f" ({self._letters_dropped} more like it)" if self._letters_dropped else ""
            self._letters_dropped = 0
            self._letters.append(Letter(clean(reason, MAX_REASON) + more, shown(frame)))
        else:
            self._letters_dropped += 1

    def tear_off(self) -> Page | None:
        """What is to be written down now, if anything is."""
        page = Page(
            (self._beat,) if self._beat else (),
            tuple(self._lines),
            tuple(self._metrics),
            tuple(self._letters),
            (self._bye,) if self._bye else (),
        )
        self._beat = self._bye = None
        self._lines, self._metrics, self._letters = [], [], []
        return (
            page if any((page.beats, page.lines, page.metrics, page.letters, page.byes)) else None
        )

    def _add_lines(self, now: float, lines: Sequence[messages.LogLine]) -> None:
        for line in lines:
            if not self._lines_allowed.take(now):
                self._lines_dropped += 1
                continue
            at = bounded(line.at_ms, LARGEST)
            if self._lines_dropped:
                said = f"{self._lines_dropped} lines or metrics were dropped: too many at once"
                self._lines.append(messages.LogLine(at, "warning", said))
                self._lines_dropped = 0
            self._lines.append(messages.LogLine(at, line.level, clean(line.text, MAX_LINE)))
