"""Who is sent which events, and from where on."""

import pytest
from sqlalchemy import delete

from control_plane.infra.db import Tx
from control_plane.infra.events import events, forget
from control_plane.live.service import tail
from tests.unit.live.conftest import ADMIN, Pier


async def test_the_first_word_says_how_far_the_events_are(pier: Pier) -> None:
    await pier.happen("deployment_created", "deployment_observed")

    peer = pier.connect()
    await pier.clock.advance(0.1)

    assert peer.heard[0]["type"] == "hello"
    assert peer.heard[0]["number"] == 2


async def test_what_happens_is_sent_once_and_in_order(pier: Pier) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)

    await pier.happen("one", "two")
    await pier.happen("three")

    assert [one["kind"] for one in peer.of("event")] == ["one", "two", "three"]
    assert peer.of("event")[0]["at"] == "2026-01-05T00:00:00.100000Z"
    assert peer.of("subscribed") == [{"type": "subscribed", "id": "a", "after": 0}]


async def test_nobody_is_sent_what_is_anothers(pier: Pier) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events", after=0)
    await pier.happen("theirs", tenant="usbob")
    await pier.happen("nobodys", tenant="")
    await pier.happen("mine")

    assert [one["kind"] for one in peer.of("event")] == ["mine"]
    assert "tenant" not in peer.of("event")[0]


async def test_an_admin_sees_everybodys_if_they_ask_for_it(pier: Pier) -> None:
    peer = pier.connect(ADMIN)
    peer.say(type="subscribe", id="own", channel="events")
    peer.say(type="subscribe", id="all", channel="events", everybody=True)
    await pier.clock.advance(0.1)

    await pier.happen("theirs", tenant="usbob")

    assert [(one["id"], one["tenant"]) for one in peer.of("event")] == [("all", "usbob")]


async def test_a_trader_cannot_ask_for_everybodys(pier: Pier) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", id="all", channel="events", everybody=True)
    await pier.clock.advance(0.1)

    assert peer.of("refused")[0]["field"] == "everybody"


@pytest.mark.parametrize(
    ("asked", "kinds"),
    [
        ({"channel": "events", "kinds": ["b", "c"]}, ["b", "c"]),
        ({"channel": "events", "subject_kinds": ["signal"]}, ["a"]),
        ({"channel": "events", "subject_id": "dp2"}, ["c"]),
        ({"channel": "signals"}, ["a"]),
        ({"channel": "signals", "deployment_id": "dp1"}, ["a"]),
        ({"channel": "signals", "deployment_id": "dp2"}, []),
        ({"channel": "deployments"}, ["b", "c"]),
        ({"channel": "deployments", "deployment_id": "dp2"}, ["c"]),
        ({"channel": "orders"}, ["d"]),
        ({"channel": "trades"}, ["e"]),
    ],
)
@pytest.mark.parametrize("resumed", [False, True])
async def test_a_channel_and_its_filters_choose(
    pier: Pier, asked: dict[str, object], kinds: list[str], resumed: bool
) -> None:
    """Live, and read again from the beginning: the same."""
    peer = pier.connect()
    if not resumed:
        peer.say(type="subscribe", id="a", **asked)
        await pier.clock.advance(0.1)
    told = {"deployment_id": "dp1", "price": "80000"}
    await pier.happen("a", subject_kind="signal", subject_id="sg1", body=told)
    await pier.happen("b")
    await pier.happen("c", subject_id="dp2")
    await pier.happen("d", subject_kind="intent", subject_id="in1")
    await pier.happen("e", subject_kind="trade", subject_id="td1")
    if resumed:
        peer.say(type="subscribe", id="a", after=0, **asked)
        await pier.clock.advance(0.1)

    assert [one["kind"] for one in peer.of("event")] == kinds


async def test_going_on_after_a_number_has_no_gap_and_no_repeat(pier: Pier) -> None:
    await pier.happen(*[f"k{n}" for n in range(30)])
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events", after=20)
    await pier.clock.advance(0.1)
    await pier.happen("live")

    assert peer.numbers() == list(range(21, 32))
    assert [one["number"] for one in peer.of("caught_up")] == [30]


async def test_it_goes_on_in_another_process_as_if_nothing_had_been(pier: Pier) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)
    await pier.happen("one")
    pier.close()
    await pier.happen("while nobody ran")
    pier.open()
    again = pier.connect()
    again.say(type="subscribe", id="a", channel="events", after=peer.numbers()[-1])
    await pier.happen("after")

    assert peer.numbers() + again.numbers() == [1, 2, 3]


async def test_what_is_longer_ago_than_memory_reaches_is_read_from_the_table(
    pier: Pier, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "PAGE", 7)
    pier.hub.tail._held = type(pier.hub.tail._held)(maxlen=5)
    monkeypatch.setattr(tail, "HELD", 5)
    watcher = pier.connect()
    watcher.say(type="subscribe", id="a", channel="events")
    await pier.clock.advance(0.1)
    await pier.happen(*[f"k{n}" for n in range(40)])
    await pier.clock.advance(1)

    late = pier.connect()
    late.say(type="subscribe", id="a", channel="events", after=3)
    await pier.clock.advance(0.5)

    assert watcher.numbers() == list(range(1, 41))
    assert late.numbers() == list(range(4, 41))


async def test_numbers_that_are_no_longer_kept_are_said(pier: Pier) -> None:
    await pier.happen(*[f"k{n}" for n in range(10)])
    await pier.db.write(_forget, 6)

    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events", after=2)
    await pier.clock.advance(0.1)

    assert peer.numbers() == [7, 8, 9, 10]
    missed = peer.of("missed")[0]
    assert (missed["after"], missed["until"]) == (2, 6)
    assert "no longer kept" in missed["what"]


async def test_no_number_is_drawn_twice_even_when_everything_is_forgotten(pier: Pier) -> None:
    await pier.happen("one", "two", "three")
    gone = await pier.db.write(forget, 2**53, 100)
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events", after=3)
    await pier.clock.advance(0.1)
    await pier.happen("four")

    assert gone == 2
    assert peer.numbers() == [4]


async def test_a_number_that_was_never_drawn_is_said(pier: Pier) -> None:
    await pier.happen("one")
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="events", after=900)
    await pier.clock.advance(0.1)
    await pier.happen("two")

    assert "no event 900" in peer.of("missed")[0]["what"]
    assert peer.numbers() == [2]


async def test_a_heartbeat_says_up_to_where_everything_was_sent(pier: Pier) -> None:
    peer = pier.connect()
    peer.say(type="subscribe", id="a", channel="trades")
    await pier.clock.advance(0.1)
    await pier.happen("one", "two")
    await pier.clock.advance(pier.settings.heartbeat_seconds)

    assert peer.numbers() == []
    assert peer.of("heartbeat")[-1]["number"] == 2


async def test_while_nobody_listens_nothing_is_read(pier: Pier) -> None:
    reading = []
    peer = None
    for step in ("wait", "connect", "leave"):
        if step == "connect":
            peer = pier.connect()
        if step == "leave" and peer is not None:
            peer.leave()
        await pier.clock.advance(1)
        reading.append(pier.hub.tail.is_reading)

    assert reading == [False, True, False]


def _forget(tx: Tx, upto: int) -> None:
    tx.run(delete(events).where(events.c.number <= upto))
