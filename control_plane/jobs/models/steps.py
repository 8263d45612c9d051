"""From what rows say and what runs to the next steps, as a pure function.

A job is launched again only while nothing of it can have become a result: its row names the attempt
that counts, and whatever another attempt left is removed first.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from control_plane.containers.models import Handle, RunningJob
from control_plane.core.ids import JobId
from control_plane.jobs.models.job import OVER, State

REMOVED = "its container was removed"
BROKEN_OFF = "its launch was broken off"


@dataclass(frozen=True)
class Berth:
    """A job that waits, runs, or has left something behind."""

    job: JobId
    state: State
    attempt: int
    container: Handle | None
    started_ms: int | None
    seconds: int


@dataclass(frozen=True)
class Start:
    job: JobId


@dataclass(frozen=True)
class Adopt:
    """It runs, but the record of its launch was never finished."""

    job: JobId
    attempt: int
    handle: Handle


@dataclass(frozen=True)
class Again:
    """It never came to run: back into the queue."""

    job: JobId
    attempt: int
    reason: str


@dataclass(frozen=True)
class Overdue:
    job: JobId
    attempt: int
    handle: Handle


@dataclass(frozen=True)
class Bury:
    """Its process has ended without a result."""

    job: JobId
    attempt: int
    handle: Handle


@dataclass(frozen=True)
class Lose:
    job: JobId
    attempt: int
    reason: str


@dataclass(frozen=True)
class Clear:
    """It is over: take its rights and what is left of it."""

    job: JobId
    handles: tuple[Handle, ...]


@dataclass(frozen=True)
class Discard:
    """One of ours that no row asks for."""

    job: JobId
    handle: Handle


Step = Start | Adopt | Again | Overdue | Bury | Lose | Clear | Discard


def steps(
    berths: Sequence[Berth],
    running: Sequence[RunningJob],
    *,
    installation: str,
    now_ms: int,
    chosen: Collection[JobId],
    busy: Collection[JobId] = (),
) -> list[Step]:
    """What leads from what runs toward what should; jobs in `busy` are being changed right now."""
    ours = [r for r in running if r.installation == installation and r.job not in busy]
    known = {berth.job for berth in berths}
    found: list[Step] = [Discard(r.job, r.handle) for r in ours if r.job not in known]
    for berth in berths:
        if berth.job not in busy:
            mine = [r for r in ours if r.job == berth.job]
            found += _for_one(berth, mine, now_ms, berth.job in chosen)
    return found


def _for_one(berth: Berth, mine: list[RunningJob], now_ms: int, is_next: bool) -> Iterator[Step]:
    if berth.state in OVER:
        yield Clear(berth.job, tuple(r.handle for r in mine))
        return
    current = next(
        (r for r in mine if berth.state == "running" and r.attempt == berth.attempt), None
    )
    strays = [r for r in mine if r is not current]
    yield from (Discard(berth.job, stray.handle) for stray in strays)
    if berth.state == "queued":
        if is_next and not strays:
            yield Start(berth.job)
    elif current is None:
        if berth.container is None:
            yield Again(berth.job, berth.attempt, BROKEN_OFF)
        else:
            yield Lose(berth.job, berth.attempt, REMOVED)
    else:
        yield from _current(berth, current, now_ms)


def _current(berth: Berth, found: RunningJob, now_ms: int) -> Iterator[Step]:
    place = (berth.job, berth.attempt, found.handle)
    if found.state == "created":
        # Between create and start we died: it never ran, and nobody knows its password any more.
        yield Again(berth.job, berth.attempt, BROKEN_OFF)
    elif found.state == "exited":
        yield Bury(*place)
    elif berth.container is None:
        yield Adopt(*place)
    elif berth.started_ms is not None and now_ms - berth.started_ms > berth.seconds * 1000:
        yield Overdue(*place)
