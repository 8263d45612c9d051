"""Frames in all their forms, and a stream that survives what sockets do."""

import asyncio
import json
from decimal import Decimal

import pytest

from control_plane.brokers.coindcx.frames import (
    BalanceTold,
    CandleTold,
    FillTold,
    NotUnderstood,
    Told,
    TradeTold,
    read_frame,
)
from control_plane.brokers.coindcx.models import SpotOrder
from control_plane.brokers.coindcx.stream import Gap, KeyRefused, Stream
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import ms
from control_plane.core.ids import Rng
from control_plane.infra.rng import SeededRng
from control_plane.infra.socket_io import Event
from tests.fakes.clock import FakeClock
from tests.fakes.sockets import FakeSockets
from tests.unit.brokers.coindcx.payloads import body

FRAMES = json.loads(body("socket_frames"))
KEY = Credentials("test-api-key-0001", "test-api-secret-0001")
TRADE: Event = ("new-trade", {"event": "new-trade", "data": FRAMES[0][1]})


def told(index: int) -> Told:
    name, data = FRAMES[index]
    found = read_frame(name, {"event": name, "data": data})
    assert isinstance(found, list), found
    return found[0]


def test_every_recorded_frame_is_read() -> None:
    kinds = [type(told(n)) for n in range(len(FRAMES))]
    trades, candles = [TradeTold] * 2, [CandleTold] * 2
    assert kinds == [*trades, *candles, BalanceTold, FillTold, FillTold, SpotOrder]


def test_spot_and_futures_are_told_apart_where_their_pair_is_one() -> None:
    spot, perpetual = told(0), told(1)
    assert isinstance(spot, TradeTold)
    assert isinstance(perpetual, TradeTold)
    assert (spot.pair, spot.is_futures) == (perpetual.pair, not perpetual.is_futures)


def test_a_candle_of_futures_has_its_time_in_milliseconds_and_does_not_say_if_it_is_closed() -> (
    None
):
    candle = told(3)
    assert isinstance(candle, CandleTold)
    assert (candle.open_ms, candle.closed, candle.volume) == (
        1788458400000, None, Decimal("120.153"),
    )  # fmt: skip


def test_a_cancelled_quantity_is_told_by_the_socket_alone() -> None:
    order = told(7)
    assert isinstance(order, SpotOrder)
    assert order.cancelled == Decimal("0.0001")


def test_data_that_is_an_object_already_is_read_with_its_digits() -> None:
    data = {"T": 1788457449084, "p": 0.1, "q": 3e-7, "m": 0, "s": "B-BTC_USDT", "pr": "spot"}
    (trade,) = _list(read_frame("new-trade", {"event": "new-trade", "data": data}))
    assert isinstance(trade, TradeTold)
    assert trade.trade.price == Decimal("0.1")


def _list(found: list[Told] | NotUnderstood) -> list[Told]:
    assert isinstance(found, list), found
    return found


@pytest.mark.parametrize("argument", [None, "x", {"data": "{"}, {"data": "[]"}, {"data": 5}, {}])
def test_a_frame_that_cannot_be_read_says_why(argument: object) -> None:
    assert isinstance(read_frame("new-trade", argument), NotUnderstood)


def test_events_that_nobody_uses_tell_nothing() -> None:
    assert read_frame("depth-update", {"data": "{}"}) == []


class Listener:
    def __init__(self, clock: FakeClock, rng: Rng, *scripts: list[Event | None] | None) -> None:
        self.sockets = FakeSockets(list(scripts))
        self.heard: list[Told | Gap] = []
        self.clock = clock
        self.stream = Stream(
            self.sockets, "wss://x", ("B-BTC_USDT@trades",), self.heard.append, clock, rng
        )

    async def runs(self, seconds: float) -> None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self.stream.run())
            await self.clock.advance(seconds)
            task.cancel()


async def test_a_broken_socket_is_joined_again_and_the_gap_is_told(
    clock: FakeClock, rng: Rng
) -> None:
    listener = Listener(clock, rng, [TRADE, None], [TRADE])
    began = ms(clock.now())
    await listener.runs(5)
    trade, gap, again = listener.heard
    assert isinstance(trade, TradeTold)
    assert again == trade
    assert isinstance(gap, Gap)
    assert gap.from_ms == began < gap.until_ms
    assert [name for name, _ in listener.sockets.emitted] == ["join", "join"]


async def test_a_venue_that_is_away_is_tried_less_and_less_often(
    clock: FakeClock, rng: Rng
) -> None:
    listener = Listener(clock, rng, *[None] * 50)
    await listener.runs(60)
    assert 5 <= listener.sockets.connections <= 10
    assert not listener.heard


async def test_silence_ends_a_connection(clock: FakeClock) -> None:
    listener = Listener(clock, SeededRng(1), [], [TRADE])
    listener.stream.ping_seconds = 0.01
    listener.stream.silence_seconds = 5
    async with asyncio.TaskGroup() as group:
        task = group.create_task(listener.stream.once())
        for _ in range(3):
            await asyncio.sleep(0.02)
            await clock.advance(3)
        await asyncio.wait_for(task, 1)
    assert ("ping", {"data": "Ping message"}) in listener.sockets.emitted


async def test_who_is_hung_up_on_after_the_private_join_is_told(clock: FakeClock, rng: Rng) -> None:
    listener = Listener(clock, rng, [None])
    listener.stream.credentials = KEY
    with pytest.raises(KeyRefused):
        await listener.stream.run()
    join = dict(listener.sockets.emitted)["join"]
    assert join["channelName"] == "coindcx"
    assert join["authSignature"].startswith("71a69086")
    assert listener.sockets.connections == 1


async def test_a_frame_that_cannot_be_read_is_counted_and_ends_nothing(
    clock: FakeClock, rng: Rng
) -> None:
    listener = Listener(clock, rng, [("new-trade", {"data": "{"}), TRADE])
    await listener.runs(1)
    assert listener.stream.not_understood == 1
    assert len(listener.heard) == 1
