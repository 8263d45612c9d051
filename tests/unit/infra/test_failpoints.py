import pytest

from control_plane.infra.failpoints import FailpointRaised, Failpoints, parse
from tests.fakes.clock import FakeClock


async def test_an_unarmed_point_lets_everything_pass(clock: FakeClock) -> None:
    await Failpoints(clock).hit("send.after_reply")


async def test_a_point_strikes_once_after_those_it_lets_pass(clock: FakeClock) -> None:
    points = Failpoints(clock, dict(parse("send.after_reply=raise@2")))
    await points.hit("send.after_reply")
    await points.hit("send.after_reply")
    with pytest.raises(FailpointRaised):
        await points.hit("send.after_reply")
    await points.hit("send.after_reply")


async def test_kill_calls_what_ends_the_process(clock: FakeClock) -> None:
    killed: list[str] = []
    points = Failpoints(
        clock, dict(parse("lease.before_renew=kill")), kill=lambda: killed.append("now")
    )
    await points.hit("lease.before_renew")
    assert killed == ["now"]


async def test_stop_calls_what_halts_the_process_until_somebody_wakes_it(clock: FakeClock) -> None:
    stopped: list[str] = []
    points = Failpoints(
        clock, dict(parse("send.after_reply=stop")), stop=lambda: stopped.append("now")
    )
    points.hit_inside("send.after_reply")
    await points.hit("send.after_reply")
    assert stopped == ["now"]
