"""A batch settles as its frames would one by one, whatever the order and the cuts."""

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, Tenant
from control_plane.signals.models.frames import Sender
from control_plane.signals.models.settling import Arrival, Settled, Stored, settle
from strategy_runtime.wire import messages

MINUTE = 60_000
OPEN = 1_000_000 * MINUTE
SHIP = DeploymentId("dp1")


def _sender(generation: int) -> Sender:
    return Sender(
        SHIP,
        generation,
        Tenant("t"),
        Shard(3),
        InstrumentId("spot:B-BTC_USDT"),
        "1m",
        False,
        2,
        f"1m:{OPEN + 5 * MINUTE}",
        None,
        OPEN + 20 * MINUTE,
    )


SENDERS = {(SHIP, generation): _sender(generation) for generation in (1, 2)}


def _arrival(generation: int, run: int, n: int, minute: int, took: int) -> Arrival:
    execution = messages.Execution(
        run=f"run-0000000{run}",
        n=n,
        trigger=f"1m:{OPEN + minute * MINUTE}",
        outcome="failed" if took % 2 else "none",
        took_us=took,
        published_ms=1,
        decided_ms=1,
        position=messages.Position(),
    )
    return Arrival(SHIP, generation, Shard(3), 1, execution, b"")


arrivals = st.lists(
    st.builds(
        _arrival,
        st.integers(1, 3),
        st.integers(1, 2),
        st.integers(1, 6),
        st.integers(0, 10),
        st.integers(0, 3),
    ),
    max_size=30,
)


def _facts(settled: Sequence[Settled]) -> list[tuple[str, bool, bool, str]]:
    return [(one.outcome, one.moves, one.same, one.reason) for one in settled]


@given(arrivals=arrivals, cuts=st.lists(st.integers(0, 30), max_size=4))
def test_where_a_batch_is_cut_changes_nothing(arrivals: list[Arrival], cuts: list[int]) -> None:
    whole = settle(arrivals, SENDERS, Stored())

    stored, parts = Stored(), []
    edges = sorted({0, *cuts, len(arrivals)})
    for begin, end in pairwise(edges):
        parts += settle(arrivals[begin:end], SENDERS, stored)

    assert _facts(parts) == _facts(whole)


@given(arrivals=arrivals)
def test_a_trigger_is_decided_once_and_the_last_one_only_moves_on(arrivals: list[Arrival]) -> None:
    settled = settle(arrivals, SENDERS, Stored())

    triggers = [s.arrival.execution.trigger for s in settled if s.outcome == "committed"]
    assert len(triggers) == len(set(triggers))
    moved = [s.arrival.execution.trigger for s in settled if s.moves]
    assert moved == sorted(moved)


@given(arrivals=arrivals)
def test_what_was_settled_once_is_known_when_it_comes_again(arrivals: list[Arrival]) -> None:
    stored = Stored()
    first = settle(arrivals, SENDERS, stored)
    again = settle(arrivals, SENDERS, stored)

    ours = [one.arrival.generation in (1, 2) for one in first]
    assert [one.outcome for one in again] == ["known" if is_ours else "left" for is_ours in ours]


@given(arrivals=arrivals)
def test_generations_decide_on_their_side_of_the_hand_over(arrivals: list[Arrival]) -> None:
    for one in settle(arrivals, SENDERS, Stored()):
        if one.outcome == "committed" and one.decided is not None:
            is_before = one.decided.trigger_open_ms < OPEN + 5 * MINUTE
            assert is_before == (one.arrival.generation == 1)
