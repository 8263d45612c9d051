"""Doubt ends by proof, never by counting retries."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from control_plane.orders.models.looking import Doubt, Patience, absent, is_due, unclear

PATIENCE = Patience(settle_ms=17_000, apart_ms=1_000, quarantine_ms=900_000)
ENTRY = Doubt("entry", signed_ms=100_000, looks=0, looked_ms=None)


def test_the_first_look_comes_at_once() -> None:
    assert is_due(ENTRY, 100_000, PATIENCE)


def test_absence_counts_only_after_the_settle_time() -> None:
    assert absent(ENTRY, 116_999, PATIENCE).looks == 0
    assert absent(ENTRY, 117_000, PATIENCE).looks == 1


def test_two_looks_a_second_apart_prove_that_an_entry_never_arrived() -> None:
    once = replace(ENTRY, looks=1, looked_ms=118_000)
    assert absent(once, 118_999, PATIENCE).event is None
    assert absent(once, 119_000, PATIENCE).event == "abandoned"


def test_a_stop_or_exit_that_never_arrived_goes_again() -> None:
    for leg in ("exit", "sl"):
        once = Doubt(leg, 100_000, looks=1, looked_ms=118_000)
        assert absent(once, 119_000, PATIENCE).event == "resent"


def test_an_entry_that_stays_unclear_is_left_to_a_person() -> None:
    assert unclear(ENTRY, 999_999, PATIENCE) == "wait"
    assert unclear(ENTRY, 1_000_000, PATIENCE) == "quarantine"


def test_a_way_out_is_never_given_up() -> None:
    assert unclear(replace(ENTRY, leg="exit"), 10_000_000, PATIENCE) == "alarm"


@given(st.lists(st.tuples(st.integers(1, 5_000), st.booleans()), max_size=60))
def test_no_history_abandons_before_settling_or_on_one_look(
    looks: list[tuple[int, bool]],
) -> None:
    doubt, now, counted = ENTRY, ENTRY.signed_ms, 0
    for wait, answered in looks:
        now += wait
        if not answered:
            assert unclear(doubt, now, PATIENCE) == "wait"
            doubt = replace(doubt, looked_ms=now)
            continue
        absence = absent(doubt, now, PATIENCE)
        counted += absence.looks - doubt.looks
        if absence.event is not None:
            assert counted >= 2
            assert now >= ENTRY.signed_ms + PATIENCE.settle_ms + PATIENCE.apart_ms
            return
        doubt = replace(doubt, looks=absence.looks, looked_ms=now)
