"""Who is next: turns between owners, bounds, and nobody waits for ever."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.core.ids import JobId, Tenant
from control_plane.jobs.models.queue import Capacity, Waiting, next_up
from strategy_runtime.wire.jobs import Kind

A, B, C = Tenant("a"), Tenant("b"), Tenant("c")
TWO = Capacity(parallel=2, per_tenant=2)


def waits(*names: str, tenant: Tenant = A, kind: Kind = "backtest", at: int = 0) -> list[Waiting]:
    return [Waiting(JobId(name), tenant, kind, at + n) for n, name in enumerate(names)]


def test_an_owner_alone_gets_every_place_in_the_order_of_asking() -> None:
    assert next_up(waits("1", "2", "3"), [], {}, TWO) == ["1", "2"]


def test_owners_take_turns_whoever_asked_first() -> None:
    waiting = [*waits("1", "2", "3"), *waits("4", tenant=B, at=100)]

    assert next_up(waiting, [], {}, TWO) == ["1", "4"]


def test_whoever_runs_less_comes_first() -> None:
    waiting = [*waits("1"), *waits("2", tenant=B, at=100)]

    assert next_up(waiting, [(A, "backtest")], {}, TWO) == ["2"]


def test_between_equals_the_one_served_longest_ago_comes_first() -> None:
    waiting = [*waits("1"), *waits("2", tenant=B, at=100)]

    assert next_up(waiting, [(C, "backtest")], {A: 50, B: 20}, TWO) == ["2"]


def test_a_check_goes_before_its_owner_s_backtests() -> None:
    waiting = [*waits("1", "2"), *waits("3", kind="check", at=100)]

    assert next_up(waiting, [], {}, TWO)[0] == "3"


def test_long_jobs_leave_a_place_for_short_ones() -> None:
    waiting = [*waits("1", "2", kind="optimise"), *waits("3", tenant=B, kind="optimise")]

    assert next_up(waiting, [], {}, TWO) == ["1"]
    assert next_up([*waiting, *waits("4", at=9)], [], {}, TWO) == ["4", "3"]


def test_where_there_is_one_place_a_long_job_may_have_it() -> None:
    waiting = waits("1", kind="optimise")

    assert next_up(waiting, [], {}, Capacity(1, 1)) == ["1"]


def test_no_owner_runs_more_than_its_share() -> None:
    assert next_up(waits("1", "2", "3"), [], {}, Capacity(5, 2)) == ["1", "2"]


KINDS: list[Kind] = ["check", "backtest", "optimise"]
waiting_lists = st.lists(
    st.builds(
        Waiting,
        st.uuids().map(lambda u: JobId(str(u))),
        st.sampled_from([A, B, C]),
        st.sampled_from(KINDS),
        st.integers(0, 100),
    ),
    max_size=20,
)
running_lists = st.lists(st.tuples(st.sampled_from([A, B, C]), st.sampled_from(KINDS)), max_size=4)


@given(waiting_lists, running_lists, st.integers(1, 5), st.integers(1, 3))
def test_bounds_hold_and_no_place_stays_empty_for_nothing(
    waiting: list[Waiting], running: list[tuple[Tenant, Kind]], parallel: int, each: int
) -> None:
    capacity = Capacity(parallel, each)
    chosen = next_up(waiting, running, {}, capacity)

    by_id = {one.job: one for one in waiting}
    now = [*running, *((by_id[job].tenant, by_id[job].kind) for job in chosen)]
    assert len(set(chosen)) == len(chosen)
    assert len(now) <= max(parallel, len(running))
    for tenant in (A, B, C):
        assert sum(t == tenant for t, _ in now) <= max(each, sum(t == tenant for t, _ in running))
    if len(now) < parallel:
        left = [one for one in waiting if one.job not in chosen]
        full = {t for t in (A, B, C) if sum(x == t for x, _ in now) >= each}
        short = [one for one in left if one.kind != "optimise"]
        assert all(one.tenant in full for one in short)


@given(st.integers(1, 200), st.integers(1, 3))
def test_a_newcomer_waits_for_one_job_of_each_other_owner_at_most(many: int, each: int) -> None:
    """However many jobs another has queued, the newcomer is next when a place comes free."""
    flood = waits(*(f"f{n}" for n in range(many)))
    newcomer = waits("n", tenant=B, at=10_000)
    running: list[tuple[Tenant, Kind]] = [(A, "backtest")] * each

    assert next_up([*flood, *newcomer], running, {A: 5}, Capacity(each + 1, each + 1))[0] == "n"
