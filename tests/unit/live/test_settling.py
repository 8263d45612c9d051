"""Which numbers may be shown while others are missing."""

from hypothesis import given
from hypothesis import strategies as st

from control_plane.live.models.settling import GIVE_UP_SECONDS, Gap, Horizon, settled

QUIET = Horizon(oldest=100, next=100)


def test_what_follows_without_a_gap_is_shown() -> None:
    assert settled(4, [5, 6, 7], None, QUIET, 0.0) == (3, None)


def test_where_there_is_one_writer_a_missing_number_is_no_gap() -> None:
    assert settled(4, [6, 9], None, None, 0.0) == (2, None)


def test_a_missing_number_holds_back_what_follows_it() -> None:
    count, gap = settled(4, [5, 7, 8], None, Horizon(90, 101), 0.0)

    assert count == 1
    assert gap == Gap(upto=8, since=0.0)


def test_it_is_waited_for_until_every_transaction_of_then_has_ended() -> None:
    noticed = Gap(upto=8, since=0.0)
    _, known = settled(5, [7, 8], noticed, Horizon(90, 101), 0.3)
    assert known == Gap(upto=8, since=0.0, horizon=101)

    assert settled(5, [7, 8], known, Horizon(100, 105), 0.5) == (0, known)
    assert settled(5, [7, 8, 9], known, Horizon(101, 105), 0.7) == (3, None)


def test_the_horizon_is_taken_only_when_a_late_transaction_has_an_id() -> None:
    noticed = Gap(upto=8, since=0.0)

    assert settled(5, [7, 8], noticed, Horizon(101, 101), 0.1) == (0, noticed)


def test_a_number_that_arrives_closes_the_gap() -> None:
    noticed = Gap(upto=8, since=0.0, horizon=101)

    assert settled(5, [6, 7, 8], noticed, Horizon(90, 105), 0.5) == (3, None)


def test_a_second_gap_is_waited_for_by_itself() -> None:
    known = Gap(upto=8, since=0.0, horizon=101)

    count, gap = settled(5, [7, 8, 12], known, Horizon(101, 200), 0.5)

    assert count == 2
    assert gap == Gap(upto=12, since=0.5)


def test_a_transaction_that_hangs_is_not_waited_for_for_ever() -> None:
    known = Gap(upto=8, since=0.0, horizon=101)

    assert settled(5, [7, 8], known, Horizon(90, 105), GIVE_UP_SECONDS + 1) == (2, None)


@given(st.permutations(range(1, 9)), st.sets(st.integers(1, 8)))
def test_in_whichever_order_they_commit_each_is_shown_once_and_in_order(
    commits: list[int], aborted: set[int]
) -> None:
    """Transaction n holds number n; they end in any order, some without a row."""
    shown: list[int] = []
    running = set(range(1, 9))
    there: set[int] = set()
    position, gap, now = 0, None, 0.0
    for ending in [*commits, *[0] * 6]:
        running.discard(ending)
        if ending and ending not in aborted:
            there.add(ending)
        now += 0.3
        numbers = sorted(n for n in there if n > position)
        seen = Horizon(min(running, default=9), 9)
        count, gap = settled(position, numbers, gap, seen, now)
        shown += numbers[:count]
        position = shown[-1] if shown else 0

    assert shown == sorted(set(range(1, 9)) - aborted)
