"""An intent's life is one table; what is not in it does not happen."""

from itertools import permutations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.orders.models.states import (
    DOUBT,
    TABLE,
    TERMINAL,
    Event,
    State,
    after,
    of_venue,
)

STATES: tuple[State, ...] = get_args(State)
EVENTS: tuple[Event, ...] = get_args(Event)


def walk(events: list[Event], state: State = "PLANNED") -> State:
    for event in events:
        state = after(state, event) or state
    return state


@pytest.mark.parametrize("state", sorted(TERMINAL))
@pytest.mark.parametrize("event", EVENTS)
def test_a_terminal_state_never_changes_but_for_late_evidence_and_by_hand(
    state: State, event: Event
) -> None:
    is_late = state == "ABANDONED" and event in ("accepted", "part_filled", "filled", "cancelled")
    is_by_hand = state == "QUARANTINED" and event.endswith("by_hand")
    assert (after(state, event) is None) != (is_late or is_by_hand)


def test_every_state_can_be_reached_and_every_open_one_can_end() -> None:
    reached = {"PLANNED"} | set(TABLE.values())
    assert reached == set(STATES)
    for state in set(STATES) - TERMINAL:
        assert any((state, event) in TABLE for event in EVENTS)


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_nothing_reaches_the_venue_without_being_written_ahead(events: list[Event]) -> None:
    seen: list[State] = ["PLANNED"]
    for event in events:
        seen.append(after(seen[-1], event) or seen[-1])
    for state in ("UNKNOWN", "OPEN", "PARTIAL", "CANCELLING", "FILLED"):
        if state in seen:
            assert "SENDING" in seen[: seen.index(state)]


@given(st.lists(st.sampled_from(EVENTS), max_size=20))
def test_doubt_ends_by_evidence_only(events: list[Event]) -> None:
    state: State = "PLANNED"
    for event in events:
        before, state = state, after(state, event) or state
        if before == "UNKNOWN" and state == "READY":
            assert event == "resent"
        if before in DOUBT and state == "REJECTED":
            assert event == "refused"


FILLED_ONCE: list[Event] = ["accepted", "part_filled", "filled", "accepted"]


@pytest.mark.parametrize("order", sorted(set(permutations(FILLED_ONCE))))
def test_a_filled_order_ends_filled_in_whatever_order_it_is_told(order: tuple[Event, ...]) -> None:
    start: list[Event] = ["permitted", "released"]
    assert walk([*start, *order]) == "FILLED"
    assert walk([*start, "lost", *order]) == "FILLED"


@pytest.mark.parametrize(
    ("word", "filled", "event"),
    [
        ("open", False, "accepted"),
        ("untriggered", False, "accepted"),
        ("partial", True, "part_filled"),
        ("open", True, "part_filled"),
        ("filled", True, "filled"),
        ("cancelled", True, "cancelled"),
        ("rejected", False, "refused"),
    ],
)
def test_a_venues_word_is_an_event(word: str, filled: bool, event: Event) -> None:
    assert of_venue(word, filled) == event
