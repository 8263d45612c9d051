"""The next steps, by example and by property."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from control_plane.containers.models import Handle, Running, State
from control_plane.core.ids import DeploymentId
from control_plane.deployments.models.fleet import steps, unreachable
from control_plane.deployments.models.wishes import (
    Adopt,
    Bury,
    Condition,
    Discard,
    Generation,
    Launch,
    Lose,
    Observe,
    Policy,
    Pulse,
    Step,
    Stop,
    Wish,
)

NOW = 1_000_000_000
MINE = "inst-1"
POLICY = Policy()
D = DeploymentId("d1")
TALKS = Pulse(hello_ms=NOW - 5_000, welcomed_ms=NOW - 5_000, beat_ms=NOW - 1_000, phase="running")


def container(generation: int, state: State = "running", deployment: str = "d1") -> Running:
    name = f"slipway-{deployment}-g{generation}"
    return Running(Handle(name), MINE, DeploymentId(deployment), generation, state)


def generation(number: int, state: str = "live", **changes: object) -> Generation:
    made = Generation(number, state, 1, NOW - 60_000, NOW - 60_000, TALKS)
    return replace(made, **changes)  # type: ignore[arg-type] # a test's own names


def wish(*generations: Generation, **changes: object) -> Wish:
    last = generations[-1].number if generations else 0
    made = Wish(D, "running", "running", "", 1, last, last, 0, {g.number: g for g in generations})
    return replace(made, **changes)  # type: ignore[arg-type] # a test's own names


def due(one: Wish, *running: Running, budget: int = 9) -> list[Step]:
    return steps(
        [one], running, installation=MINE, now_ms=NOW, policy=POLICY, budget=budget, busy=()
    )


def test_what_should_run_and_does_needs_nothing() -> None:
    assert due(wish(generation(1)), container(1)) == []


def test_what_should_run_and_never_did_is_launched() -> None:
    assert due(wish(observed="pending")) == [Launch(D)]


def test_nothing_is_launched_before_its_time_or_beyond_the_budget() -> None:
    ended = wish(generation(1, "ended"), observed="restarting", retry_ms=NOW + 1)

    assert due(ended) == []
    assert due(replace(ended, retry_ms=NOW), budget=0) == []
    assert due(replace(ended, retry_ms=NOW)) == [Launch(D)]


@pytest.mark.parametrize("turned", [False, True])
def test_of_two_containers_the_one_that_was_written_down_stays(turned: bool) -> None:
    ours, twin = container(1), replace(container(1, "created"), handle=Handle("twin"))
    one = wish(generation(1, handle=ours.handle))

    assert due(one, *((twin, ours) if turned else (ours, twin))) == [Discard(D, twin.handle)]
    unwritten = wish(generation(1, "launching"))
    found = due(unwritten, *((twin, ours) if turned else (ours, twin)))
    assert Discard(D, twin.handle) in found


def test_one_that_was_paused_from_outside_is_replaced() -> None:
    (step,) = due(wish(generation(1)), container(1, "paused"))

    assert isinstance(step, Stop)
    assert (step.reason, step.crashed) == ("paused from outside: it stood still", True)


def test_one_that_strains_is_taken_over_between_two_candles() -> None:
    one = wish(generation(1), condition=Condition(strain="its memory grows"))

    assert due(one, container(1)) == [Launch(D, "its memory grows")]
    during = replace(one, generation=2, generations={1: generation(1), 2: generation(2)})
    assert not [s for s in due(during, container(1), container(2)) if isinstance(s, Launch)]


def test_what_its_owner_should_know_stands_beside_running() -> None:
    one = wish(generation(1), condition=Condition(remark="its last 3 decisions failed: E: x"))

    assert due(one, container(1)) == [Observe(D, "running", "its last 3 decisions failed: E: x")]


def test_those_that_wait_longest_go_first() -> None:
    waiting = [
        Wish(DeploymentId(f"d{n}"), "running", "pending", retry_ms=NOW - n) for n in range(5)
    ]

    found = steps(waiting, [], installation=MINE, now_ms=NOW, policy=POLICY, budget=2)

    assert found == [Launch(DeploymentId("d4")), Launch(DeploymentId("d3"))]


def test_one_that_runs_without_a_finished_record_is_adopted() -> None:
    one = wish(generation(1, "launching"))

    assert due(one, container(1)) == [Adopt(D, 1, Handle("slipway-d1-g1"))]


def test_one_that_was_made_and_never_started_is_cleared_away() -> None:
    one = wish(generation(1, "launching"))

    assert due(one, container(1, "created")) == [Bury(D, 1, Handle("slipway-d1-g1"), expected=True)]


def test_a_launch_that_left_nothing_is_closed() -> None:
    assert due(wish(generation(1, "launching"))) == [Lose(D, 1, "its launch was broken off")]


def test_one_that_was_removed_by_hand_is_missed() -> None:
    assert due(wish(generation(1))) == [Lose(D, 1, "its container was removed")]


def test_one_that_exited_is_buried() -> None:
    assert due(wish(generation(1)), container(1, "exited")) == [Bury(D, 1, Handle("slipway-d1-g1"))]


def test_one_that_is_ill_is_stopped_with_the_reason() -> None:
    (step,) = due(
        wish(generation(1), condition=Condition("hung: no heartbeat for 20 s")), container(1)
    )

    assert step == Stop(D, 1, Handle("slipway-d1-g1"), "hung: no heartbeat for 20 s", crashed=True)


@pytest.mark.parametrize("observed", ["crash_loop", "failed"])
def test_one_that_was_given_up_is_left_until_asked_for(observed: str) -> None:
    assert due(wish(generation(1, "ended"), observed=observed)) == []


def test_one_that_was_cut_off_is_stopped_and_not_launched_again() -> None:
    one = wish(generation(1, "cut_off", reason="flooded"))

    assert due(one, container(1))[0] == Stop(D, 1, Handle("slipway-d1-g1"), "stopped as asked")
    assert due(one) == [Observe(D, "failed", "flooded")]
    assert due(replace(one, observed="pending")) == [Launch(D)]


@pytest.mark.parametrize("desired", ["stopped", "deleted"])
def test_what_should_not_run_is_stopped_then_said_to_be(desired: str) -> None:
    one = wish(generation(1), desired=desired)

    stop, told = due(one, container(1))
    assert isinstance(stop, Stop)
    assert told == Observe(D, "stopping", "stopped as asked")
    assert due(wish(generation(1, "ended"), desired=desired)) == [
        Observe(D, "stopped", "stopped as asked")
    ]


def test_a_container_that_no_deployment_asks_for_is_discarded() -> None:
    stray = container(3, deployment="gone")

    assert due(wish(generation(1)), container(1), stray) == [
        Discard(DeploymentId("gone"), stray.handle)
    ]


def test_a_container_of_a_later_life_is_discarded() -> None:
    assert due(wish(generation(1)), container(1), container(7)) == [
        Discard(D, Handle("slipway-d1-g7"))
    ]


def test_a_twin_is_discarded() -> None:
    twin = replace(container(1), handle=Handle("twin"))

    assert due(wish(generation(1)), container(1), twin) == [Discard(D, Handle("twin"))]


def test_another_installation_s_container_is_never_touched() -> None:
    foreign = replace(container(1, deployment="gone"), installation="inst-2")
    twin = replace(container(9), installation="inst-2")

    assert due(wish(generation(1)), container(1), foreign, twin) == []


class TestHandOver:
    OLD = generation(1)

    def test_a_new_revision_is_launched_beside_the_old(self) -> None:
        assert due(wish(self.OLD, revision=2), container(1)) == [Launch(D)]

    def test_the_old_goes_on_until_the_new_decides(self) -> None:
        new = generation(2, revision=2, started_ms=NOW - 1_000)
        during = wish(
            self.OLD, new, revision=2, active_generation=1, reason="a new launch takes over"
        )

        assert due(during, container(1), container(2)) == []
        (stop,) = due(replace(during, active_generation=2), container(1), container(2))[:1]
        assert stop == Stop(D, 1, Handle("slipway-d1-g1"), "a newer generation took over")

    def test_the_old_is_not_waited_with_for_ever(self) -> None:
        new = generation(2, revision=2, started_ms=NOW - 61_000)
        during = wish(self.OLD, new, revision=2, active_generation=1)

        assert any(isinstance(s, Stop) for s in due(during, container(1), container(2)))

    def test_the_old_outlives_a_new_one_that_crashed(self) -> None:
        new = generation(2, "ended", revision=2)
        during = wish(self.OLD, new, revision=2, active_generation=1, retry_ms=NOW + 1)

        assert due(during, container(1)) == []
        assert due(replace(during, retry_ms=NOW), container(1)) == [Launch(D)]

    def test_an_old_one_whose_generation_is_closed_is_stopped(self) -> None:
        during = wish(generation(2), active_generation=1)

        assert isinstance(due(during, container(1), container(2))[0], Stop)


@pytest.mark.parametrize(
    ("pulse", "observed"),
    [
        (None, "starting"),
        (replace(TALKS, welcomed_ms=None), "warming"),
        (replace(TALKS, phase="warming"), "warming"),
        (replace(TALKS, phase="paused"), "paused"),
        (replace(TALKS, phase="lagging"), "lagging"),
        (replace(TALKS, phase="draining"), "stopping"),
    ],
)
def test_what_a_process_says_of_itself_is_what_people_see(
    pulse: Pulse | None, observed: str
) -> None:
    (told,) = due(wish(generation(1, pulse=pulse)), container(1))

    assert isinstance(told, Observe)
    assert told.observed == observed


def test_an_engine_that_does_not_answer_changes_nothing_but_what_is_said() -> None:
    ones = [wish(generation(1)), replace(wish(), deployment=DeploymentId("d2"), observed="stopped")]

    assert unreachable(ones, "It is away.") == [Observe(D, "running", "unknown: It is away.")]
    assert unreachable([replace(ones[0], reason="unknown: It is away.")], "It is away.") == []


# ---- properties ----------------------------------------------------------------------------------

_states = st.sampled_from(["created", "running", "paused", "exited"])
_containers = st.lists(
    st.builds(
        Running,
        st.integers(0, 10**9).map(lambda n: Handle(f"h{n}")),
        st.sampled_from([MINE, "inst-2"]),
        st.sampled_from([DeploymentId("d1"), DeploymentId("d2"), DeploymentId("d3")]),
        st.integers(1, 4),
        _states,
    ),
    max_size=6,
    unique_by=lambda r: r.handle,
)
_generations = st.lists(
    st.builds(
        Generation,
        st.integers(1, 3),
        st.sampled_from(["launching", "live", "ended", "cut_off"]),
        st.integers(1, 2),
        st.just(NOW - 1_000),
        st.one_of(st.none(), st.integers(NOW - 100_000, NOW)),
        st.one_of(st.none(), st.just(TALKS)),
    ),
    max_size=3,
)


def _wishes(name: str) -> st.SearchStrategy[Wish]:
    def build(made: list[Generation], one: Wish) -> Wish:
        kept: Mapping[int, Generation] = {g.number: g for g in made}
        last = max(kept, default=0)
        return replace(one, generations=kept, generation=last)

    return st.builds(
        build,
        _generations,
        st.builds(
            Wish,
            st.just(DeploymentId(name)),
            st.sampled_from(["running", "paused", "stopped", "deleted"]),
            st.sampled_from(
                ["pending", "running", "restarting", "crash_loop", "failed", "stopped"]
            ),
            st.just(""),
            st.integers(1, 2),
            st.just(0),
            st.integers(0, 4),
            st.integers(NOW - 10, NOW + 10),
        ),
    )


def _handle(step: Step) -> Handle | None:
    return getattr(step, "handle", None)


@given(_wishes("d1"), _wishes("d2"), _containers, st.integers(0, 3))
def test_a_foreign_container_is_never_named_in_a_step(
    one: Wish, two: Wish, running: list[Running], budget: int
) -> None:
    found = steps([one, two], running, installation=MINE, now_ms=NOW, policy=POLICY, budget=budget)

    foreign = {r.handle for r in running if r.installation != MINE}
    assert not foreign & {_handle(step) for step in found}
    assert sum(isinstance(step, Launch) for step in found) <= budget


@given(_wishes("d1"), _containers)
def test_nothing_is_launched_beside_what_runs_but_in_a_hand_over(
    one: Wish, running: list[Running]
) -> None:
    found = steps([one], running, installation=MINE, now_ms=NOW, policy=POLICY, budget=9)

    ours = [r for r in running if r.installation == MINE and r.deployment == one.deployment]
    up = [r for r in ours if r.state in ("running", "paused") and r.generation <= one.generation]
    if any(isinstance(step, Launch) for step in found):
        assert len(up) <= 1 or {r.generation for r in up} == {up[0].generation}
        assert one.desired in ("running", "paused")
        assert one.observed not in ("crash_loop", "failed")


@given(_wishes("d1"), _containers)
def test_a_busy_deployment_is_left_alone(one: Wish, running: list[Running]) -> None:
    found = steps([one], running, installation=MINE, now_ms=NOW, policy=POLICY, budget=9, busy={D})

    assert all(step.deployment != D for step in found)


class World:
    """What the steps act on, as simply as can be: an engine and the rows."""

    def __init__(self, one: Wish, running: list[Running]) -> None:
        self.wish, self.running = one, list(running)
        self.most = 0

    def settle(self) -> int:
        for turn in range(60):
            due_now = steps(
                [self.wish],
                self.running,
                installation=MINE,
                now_ms=self.wish.retry_ms + turn * 60_000,
                policy=POLICY,
                budget=9,
            )
            if not due_now:
                return turn
            for step in due_now[:1]:
                self.take(step, self.wish.retry_ms + turn * 60_000)
            self.most = max(self.most, len(self.up()))
        raise AssertionError(f"no end: {due_now}")

    def up(self) -> list[Running]:
        return [
            r for r in self.running
            if r.installation == MINE and r.deployment == D and r.state in ("running", "paused")
        ]  # fmt: skip

    def take(self, step: Step, now: int) -> None:
        match step:
            case Launch():
                number = self.wish.generation + 1
                born = Generation(number, "live", self.wish.revision, now, now, TALKS)
                self.running.append(container(number))
                self._set(born)
                self.wish = replace(self.wish, generation=number, active_generation=number)
            case Adopt(_, number, _):
                self._set(replace(self.wish.generations[number], state="live"))
            case Stop(_, number, handle) | Bury(_, number, handle):
                self.running = [r for r in self.running if r.handle != handle]
                self._close(number)
            case Lose(_, number):
                self._close(number)
            case Discard(_, handle):
                self.running = [r for r in self.running if r.handle != handle]
            case Observe(_, observed, reason):
                self.wish = replace(self.wish, observed=observed, reason=reason)

    def _set(self, one: Generation) -> None:
        kept = {**self.wish.generations, one.number: one}
        self.wish = replace(self.wish, generations=kept)

    def _close(self, number: int) -> None:
        found = self.wish.generations.get(number)
        if found is not None and found.is_alive:
            self._set(replace(found, state="ended"))


@settings(max_examples=300)
@given(_wishes("d1"), _containers)
def test_from_anywhere_the_steps_end_where_they_should(one: Wish, running: list[Running]) -> None:
    world = World(one, running)
    before = len({r.handle for r in world.up()})

    world.settle()

    left = world.up()
    assert len(left) == (1 if world.wish.is_wanted else 0)
    assert world.most <= max(2, before)
    foreign = [r for r in running if r.installation != MINE]
    assert [r for r in world.running if r.installation != MINE] == foreign
