"""From rows and containers to steps: never two of one job, and nothing left behind."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.containers.models import Handle, RunningJob, State
from control_plane.core.ids import JobId
from control_plane.jobs.models import job as models
from control_plane.jobs.models.steps import (
    Adopt,
    Again,
    Berth,
    Bury,
    Clear,
    Discard,
    Lose,
    Overdue,
    Start,
    Step,
    steps,
)

ONE = JobId("jb1")
HANDLE = Handle("h")


def berth(
    state: models.State = "running", container: Handle | None = HANDLE, attempt: int = 2
) -> Berth:
    return Berth(ONE, state, attempt, container, 1_000, 60)


def there(state: State = "running", attempt: int = 2, ours: str = "inst") -> RunningJob:
    return RunningJob(HANDLE, ours, ONE, attempt, state)


def due(
    berths: list[Berth], running: list[RunningJob], now_ms: int = 2_000, chosen: bool = True
) -> list[Step]:
    return steps(
        berths,
        running,
        installation="inst",
        now_ms=now_ms,
        chosen=[ONE] if chosen else [],
    )


@pytest.mark.parametrize(
    ("row", "running", "step"),
    [
        (berth("queued", None), [], Start(ONE)),
        (berth(), [], Lose(ONE, 2, "its container was removed")),
        (berth(container=None), [], Again(ONE, 2, "its launch was broken off")),
        (berth(container=None), [there()], Adopt(ONE, 2, HANDLE)),
        (berth(container=None), [there("created")], Again(ONE, 2, "its launch was broken off")),
        (berth(), [there("exited")], Bury(ONE, 2, HANDLE)),
        (berth("queued", None), [there("created")], Discard(ONE, HANDLE)),
        (berth("done"), [there("exited")], Clear(ONE, (HANDLE,))),
        (berth("cancelled"), [there()], Clear(ONE, (HANDLE,))),
        (berth("failed", None), [], Clear(ONE, ())),
    ],
)
def test_each_state_has_its_step(row: Berth, running: list[RunningJob], step: Step) -> None:
    assert due([row], running) == [step]


def test_one_that_runs_in_time_is_left_alone() -> None:
    assert due([berth()], [there()]) == []
    assert due([berth()], [there()], now_ms=61_001) == [Overdue(ONE, 2, HANDLE)]


def test_what_an_older_attempt_left_is_removed() -> None:
    assert due([berth(container=None)], [there(attempt=1)]) == [
        Discard(ONE, HANDLE),
        Again(ONE, 2, "its launch was broken off"),
    ]


def test_one_of_ours_without_a_row_is_removed_and_a_stranger_is_not() -> None:
    assert due([], [there()]) == [Discard(ONE, HANDLE)]
    assert due([], [there(ours="other")]) == []


def test_whoever_is_being_changed_is_not_looked_at() -> None:
    berths = [berth("queued", None)]
    busy = steps(berths, [there()], installation="inst", now_ms=0, chosen=[ONE], busy=[ONE])

    assert busy == []


STATES: list[models.State] = ["queued", "running", "done", "failed", "cancelled"]


@given(
    st.sampled_from(list(product(STATES, [None, HANDLE]))),
    st.lists(
        st.tuples(st.sampled_from(["created", "running", "paused", "exited"]), st.integers(1, 3)),
        max_size=3,
        unique_by=lambda one: one[1],
    ),
)
def test_nothing_is_started_while_anything_of_the_job_stands(
    row: tuple[models.State, Handle | None], found: list[tuple[State, int]]
) -> None:
    running = [there(state, attempt) for state, attempt in found]
    taken = due([berth(*row)], running)

    assert not (running and any(isinstance(step, Start) for step in taken))
