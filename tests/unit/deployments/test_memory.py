"""When memory that grows is reason enough for a new launch."""

from collections.abc import Callable

from control_plane.deployments.models.memory import MB, Tide, peak

MINUTE = 60_000
LIMIT = 100 * MB


def after(minutes: int, used_mb: Callable[[float], float]) -> Tide:
    """A sample every five seconds, as heartbeats bring them."""
    tide = Tide(10 * MINUTE)
    for k in range(minutes * 12):
        tide.see(k * 5_000, int(used_mb(k / 12) * MB))
        tide.strain(LIMIT)
    return tide


def test_a_process_that_needs_what_it_needs_is_left_alone() -> None:
    assert after(60, lambda minute: 80 + minute % 2).strain(LIMIT) is None


def test_one_that_grows_far_from_its_limit_is_left_alone() -> None:
    assert after(11, lambda minute: 30 + minute).strain(LIMIT) is None


def test_one_that_will_reach_its_limit_within_a_window_is_told_with_its_pace() -> None:
    told = after(30, lambda minute: 30 + 2 * minute).strain(LIMIT)

    assert told == "its memory grows by 2.0 MB a minute and stands at 87 of 100 MB"


def test_a_slow_leak_is_told_once_the_limit_is_near() -> None:
    assert after(500, lambda minute: 55 + minute / 20).strain(LIMIT) is None
    told = after(640, lambda minute: 55 + minute / 20).strain(LIMIT)

    assert told == "its memory has grown from 55 MB and stands at 87 of 100 MB"


def test_what_is_needed_to_warm_up_is_no_leak() -> None:
    assert after(9, lambda minute: 10 * minute).strain(LIMIT) is None


def test_looks_in_between_are_not_counted() -> None:
    tide = Tide(10 * MINUTE)
    for k in range(100):
        tide.see(k, 1)

    assert len(tide.samples) == 1


def test_the_peak_is_the_most_that_anybody_saw() -> None:
    assert peak((None, 5, 7, 0)) == 7
    assert peak((None, 0)) is None
