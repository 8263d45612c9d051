"""Which images nothing needs any more."""

from datetime import UTC, datetime, timedelta

from control_plane.containers.pruning import AT_ONCE, KEPT, Found, removable

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def image(days_old: int) -> Found:
    made_at = NOW - timedelta(days=days_old)
    return Found(f"slipway/base-strategy:{days_old}", f"id{days_old}", made_at, 1)


def left(*ages: int, needed: set[str] = frozenset(), used: set[str] = frozenset()) -> list[int]:  # type: ignore[assignment] # nothing, unless given
    found = removable([image(age) for age in ages], needed=needed, used=used, now=NOW)
    return [(NOW - one.made_at).days for one in found]


def test_old_ones_beyond_the_newest_go_the_oldest_first() -> None:
    assert left(1, 20, 2, 30, 10, 40) == [40, 30, 20]


def test_the_newest_stay_however_old() -> None:
    assert left(*range(100, 100 + KEPT)) == []


def test_young_ones_stay_however_many() -> None:
    assert left(0, 1, 2, 3, 4, 5, 6) == []


def test_what_is_needed_or_used_stays() -> None:
    ages = (1, 2, 3, 20, 30, 40)

    assert left(*ages, needed={"slipway/base-strategy:30"}, used={"id40"}) == [20]


def test_one_go_removes_no_more_than_a_few() -> None:
    assert len(left(*range(1, 100))) == AT_ONCE
