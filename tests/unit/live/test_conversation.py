"""What one may say, and what ends a connection."""

import asyncio

import pytest

from control_plane.core.ids import Tenant
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_refusals import Throttled
from control_plane.settings import LiveSettings
from tests.fakes.peer import FakePeer
from tests.unit.live.conftest import ADMIN, ANN, Pier

ONLOOKER = Caller(Tenant(""), "onlooker", is_onlooker=True)


@pytest.mark.parametrize(
    ("message", "field", "sentence"),
    [
        ({"channel": "nothing", "id": "a"}, None, "cannot be read"),
        ({"channel": "events", "id": ""}, "id", "needs a name"),
        ({"channel": "events", "id": "a" * 65}, "id", "needs a name"),
        ({"channel": "events", "id": "a", "after": -1}, "after", "below 0"),
        ({"channel": "events", "id": "a", "after": "x"}, None, "$.after"),
        ({"channel": "events", "id": "a", "tenant": "usbob"}, None, "tenant"),
        ({"channel": "events", "id": "a", "grep": "x"}, "grep", "has no grep"),
        ({"channel": "trades", "id": "a", "deployment_id": "dp"}, "deployment_id", "has no"),
        ({"channel": "events", "id": "a", "kinds": ["k" * 201]}, "kinds", "too long"),
        ({"channel": "events", "id": "a", "kinds": ["k"] * 51}, "kinds", "too long"),
        ({"channel": "logs", "id": "a"}, "deployment_id", "of one deployment"),
        ({"channel": "logs", "id": "a", "deployment_id": "dpnone"}, "deployment_id", "no deploym"),
        ({"channel": "vitals", "id": "a", "deployment_id": "dpno"}, "deployment_id", "no deploym"),
        ({"channel": "status", "id": "a"}, "channel", "Only an admin"),
    ],
)
async def test_what_cannot_be_is_refused_and_the_connection_goes_on(
    pier: Pier, message: dict[str, object], field: str | None, sentence: str
) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", **message)
    peer.say(type="ping", n=7)
    await pier.clock.advance(0.1)

    refused = peer.of("refused")[0]
    assert refused["field"] == field
    assert sentence in refused["what"]
    assert refused["id"] == message["id"]
    assert peer.of("pong") == [{"type": "pong", "n": 7}]


@pytest.mark.parametrize("frame", ["", "{", "[]", '"subscribe"', b"\xff\xfe", '{"type":"hack"}'])
async def test_what_is_no_message_is_refused(pier: Pier, frame: str | bytes) -> None:
    peer = pier.connect()
    peer.say_raw(frame)
    await pier.clock.advance(0.1)

    assert "cannot be read" in peer.of("refused")[0]["what"]
    assert peer.closed is None


async def test_a_name_is_for_one_subscription_until_it_is_taken_back(pier: Pier) -> None:
    peer = pier.connect()
    for _ in range(2):
        peer.say(type="subscribe", id="a", channel="events")
    peer.say(type="unsubscribe", id="a")
    peer.say(type="unsubscribe", id="a")
    peer.say(type="subscribe", id="a", channel="trades")
    await pier.happen("one")

    kinds = [one["type"] for one in peer.heard if one["type"] not in {"hello", "caught_up"}]
    assert kinds == ["subscribed", "refused", "unsubscribed", "refused", "subscribed"]
    assert peer.numbers() == []


async def test_a_connection_has_so_many_subscriptions_and_no_more(pier: Pier) -> None:
    peer = pier.connect()
    most = pier.settings.subscriptions
    for number in range(most + 1):
        peer.say(type="subscribe", id=f"s{number}", channel="events")
    await pier.clock.advance(0.1)

    assert len(peer.of("subscribed")) == most
    assert f"{most} subscriptions" in peer.of("refused")[0]["what"]


async def test_whoever_says_too_much_is_closed(pier: Pier) -> None:
    peer = pier.connect()
    for number in range(pier.settings.burst + 2):
        peer.say(type="ping", n=number)
    await pier.clock.advance(0.1)

    assert peer.closed is not None
    assert peer.closed[0] == 4429
    assert "too many messages" in peer.heard[-1]["what"]


async def test_there_are_so_many_connections_and_no_more(pier: Pier) -> None:
    few = LiveSettings(connections=3, per_caller=2)
    pier.hub.settings = few
    for caller in (ANN, ANN, ADMIN):
        pier.hub.make_room(caller)
        pier.connect(caller)
        await pier.clock.advance(0.1)

    with pytest.raises(Throttled, match="no more can be"):
        pier.hub.make_room(ADMIN)
    pier.hub.settings = LiveSettings(connections=4, per_caller=2)
    with pytest.raises(Throttled, match="You have 2"):
        pier.hub.make_room(ANN)


async def test_what_stands_no_more_ends_within_seconds(pier: Pier) -> None:
    mine, boss = pier.connect(), pier.connect(ADMIN)
    mine.say(type="subscribe", id="a", channel="events")
    await pier.happen("one")

    pier.fallen.add(ANN)
    await pier.clock.advance(5)

    assert mine.closed is not None
    assert mine.closed[0] == 4401
    assert mine.heard[-1]["type"] == "ended"
    assert mine.heard[-1]["subscriptions"] == {"a": {"after": 1, "behind": 0}}
    assert boss.closed is None


async def test_a_slow_reader_is_told_what_it_missed_and_closed(pier: Pier) -> None:
    pier.hub.settings = LiveSettings(queue_frames=8, patience_seconds=0.02)
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)
    await pier.happen("one")
    peer.reads.clear()
    await pier.happen(*[f"k{n}" for n in range(40)])
    await until_closed(pier, peer)

    assert peer.closed is not None
    assert peer.closed[0] == 4408
    ended = peer.heard[-1]
    assert "read nothing" in ended["what"]
    place = ended["subscriptions"]["a"]
    assert place["after"] == peer.numbers()[-1]
    assert place["behind"] >= 30

    # And nothing is lost: it goes on from there.
    again = pier.connect()
    again.say(type="subscribe", id="a", channel="events", after=place["after"])
    await pier.clock.advance(0.5)
    assert peer.numbers() + again.numbers() == list(range(1, 42))


async def test_a_slow_reader_holds_up_nobody_else(pier: Pier) -> None:
    slow, quick = pier.connect(), pier.connect()
    for peer in (slow, quick):
        peer.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)
    slow.reads.clear()

    await pier.happen(*[f"k{n}" for n in range(100)])

    assert quick.numbers() == list(range(1, 101))
    assert slow.numbers() == []
    slow.reads.set()
    await pier.clock.advance(0.5)
    assert slow.numbers() == list(range(1, 101))


async def test_the_status_comes_in_parts_as_they_change(pier: Pier) -> None:
    peer = pier.connect(ONLOOKER)
    peer.say(type="subscribe", id="s", channel="status")
    await pier.clock.advance(0.1)
    first = {one["part"] for one in peer.of("status")}
    peer.heard.clear()
    pier.drawn = 3
    await pier.clock.advance(1)

    assert {"counts", "trades", "clock"} <= first
    assert [one["part"] for one in peer.of("status")] == ["counts", "clock"]
    assert peer.of("status")[0]["value"]["deployments"] == 3


async def test_an_onlooker_sees_the_status_alone(pier: Pier) -> None:
    peer = pier.connect(ONLOOKER)
    peer.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)

    assert "Nobody is signed in" in peer.of("refused")[0]["what"]


async def until_closed(pier: Pier, peer: FakePeer) -> None:
    """Patience is real time; then the reader reads again, to hear why."""
    await asyncio.sleep(0.1)
    peer.reads.set()
    for _ in range(50):
        await pier.clock.advance(0.01)
        if peer.closed is not None:
            return
