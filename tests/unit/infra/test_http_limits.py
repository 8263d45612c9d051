from control_plane.infra.http_limits import Limits
from tests.fakes.clock import FakeClock


async def test_a_burst_passes_and_then_it_is_one_at_a_time(clock: FakeClock) -> None:
    limits = Limits(clock.monotonic, per_minute=60, burst=3)
    passed = [limits.take("ann").retry_seconds for _ in range(5)]
    await clock.advance(1)

    assert passed == [0, 0, 0, 1, 1]
    assert limits.take("ann").retry_seconds == 0
    assert limits.take("ann").retry_seconds == 1


async def test_one_callers_haste_is_nobody_elses(clock: FakeClock) -> None:
    limits = Limits(clock.monotonic, per_minute=60, burst=1)
    limits.take("ann")

    assert limits.take("ann").retry_seconds
    assert limits.take("bob").retry_seconds == 0


async def test_the_headers_say_how_often_is_left(clock: FakeClock) -> None:
    limits = Limits(clock.monotonic, per_minute=60, burst=2)

    assert limits.take("ann").headers == {
        "ratelimit-limit": "2",
        "ratelimit-remaining": "1",
        "ratelimit-reset": "1",
    }
    limits.take("ann")
    assert limits.take("ann").headers["retry-after"] == "1"
