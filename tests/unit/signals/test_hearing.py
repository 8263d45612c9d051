"""Whatever a process says, hearing it raises nothing and fills nothing."""

from typing import Any

from hypothesis import given

from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments.service import Launch
from control_plane.signals.worker.hearing import PATIENCE, Channel, Inlet
from strategy_runtime.wire import messages
from tests.unit.signals.frames import FRAMES


def _channel() -> Channel:
    return Channel(Launch(DeploymentId("dp1"), 1, Shard(3), "running"), 1, "running")


def _execution(n: int, **changes: Any) -> bytes:
    values: dict[str, Any] = {
        "run": "run-00000001",
        "n": n,
        "trigger": "1m:60000",
        "outcome": "none",
        "took_us": 1,
        "published_ms": 1,
        "decided_ms": 1,
        "position": messages.Position(),
    }
    return messages.encode(messages.Execution(**(values | changes)))


HELLO = messages.encode(messages.Hello("run-00000001", 1, "c0de"))


@given(frame=FRAMES)
def test_no_frame_raises(frame: bytes) -> None:
    channel, inlet = _channel(), Inlet()

    inlet.hear(channel, frame, 1.0)
    channel.notebook.tear_off()


def test_a_channel_is_read_no_further_once_much_of_it_waits() -> None:
    channel, inlet = _channel(), Inlet()

    went_on = [inlet.hear(channel, _execution(n), 1.0) for n in range(PATIENCE + 1)]

    assert went_on == [True] * (PATIENCE - 1) + [False, False]
    inlet.done(2)
    assert channel.waiting == PATIENCE - 1


def test_a_hello_waits_for_what_was_heard_before_it() -> None:
    channel, inlet = _channel(), Inlet()
    inlet.hear(channel, _execution(1), 1.0)
    inlet.hear(channel, HELLO, 1.0)
    inlet.hear(channel, _execution(2), 1.0)

    assert not inlet.hellos(10)
    inlet.done(1)
    assert len(inlet.hellos(10)) == 1


def test_what_was_cleared_holds_up_no_later_hello() -> None:
    channel, inlet = _channel(), Inlet()
    inlet.hear(channel, _execution(1), 1.0)
    inlet.clear()
    inlet.hear(channel, HELLO, 1.0)

    assert len(inlet.hellos(10)) == 1


def test_hellos_without_end_are_not_all_answered() -> None:
    channel, inlet = _channel(), Inlet()
    for _ in range(1_000):
        inlet.hear(channel, HELLO, 1.0)

    assert len(inlet.hellos(10_000)) <= 5


def test_what_cannot_be_named_in_an_acknowledgement_goes_to_the_dead_letters() -> None:
    channel, inlet = _channel(), Inlet()
    inlet.hear(channel, _execution(10**30), 1.0)
    inlet.hear(channel, _execution(1, trigger="nonsense"), 1.0)

    page = channel.notebook.tear_off()
    assert page is not None
    assert [letter.reason for letter in page.letters] == ["Its run or its number is none."]
    assert [arrival.wrong for _, arrival in inlet.group(10)] == ["'nonsense' is no trigger."]


def test_a_change_of_phase_is_news_and_a_flicker_is_not() -> None:
    channel, inlet = _channel(), Inlet()

    def beats(phase: messages.Phase) -> bool:
        inlet.has_news.clear()
        beat = messages.Heartbeat("run-00000001", 1, phase, None, 0, 0, 1, 0.0, 0)
        inlet.hear(channel, messages.encode(beat), 1.0)
        return inlet.has_news.is_set()

    assert not beats("warming")
    assert beats("running")
    assert not beats("running")
    assert [beats("paused") or beats("running") for _ in range(10)].count(True) < 4
