"""What the simulated venue says about its markets: bars, channels, the end of a candle."""

from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import public
from control_plane.brokers.coindcx.frames import CandleTold, TradeTold, read_frame
from control_plane.brokers.coindcx.outcomes import Accepted
from tests.coindcx_sim.answers import encoded
from tests.coindcx_sim.build import START_MS
from tests.coindcx_sim.channels import channel_of, closed_candle, said
from tests.coindcx_sim.desk import Desk
from tests.coindcx_sim.wide import Book, Wide
from tests.factories import D

MINUTE_MS = 60_000
BEGAN_MS = START_MS // 3_600_000 * 3_600_000


async def test_bars_of_a_long_walk_are_all_there_and_add_up() -> None:
    desk = Desk()
    desk.exchange.world.tape.walk("BTCUSDT", seed=3, from_ms=desk.now(), step_ms=10_000)
    await desk.wait(3 * 3600)
    call = public.candles("B-BTC_USDT", "1m", BEGAN_MS, desk.now())
    minutes = await desk.client.look(call)
    hours = await desk.client.look(public.candles("B-BTC_USDT", "1h", BEGAN_MS, desk.now()))
    assert isinstance(minutes, Accepted)
    assert isinstance(hours, Accepted)
    assert len(minutes.value) >= 180
    assert sum(each.volume for each in minutes.value) == sum(each.volume for each in hours.value)
    whole = [
        each
        for each in minutes.value
        if each.open_ms // 3_600_000 == hours.value[1].open_ms // 3_600_000
    ]
    assert hours.value[1].high == max(each.high for each in whole)
    assert (hours.value[1].open, hours.value[1].close) == (whole[0].open, whole[-1].close)


async def test_the_same_seed_walks_the_same_way() -> None:
    async def walked() -> Decimal:
        desk = Desk()
        desk.exchange.world.tape.walk("BTCUSDT", seed=3, from_ms=desk.now(), step_ms=1_000)
        await desk.wait(60)
        return desk.exchange.world.tape.line("BTCUSDT").last

    assert await walked() == await walked() != D("79750")


@pytest.mark.parametrize(
    ("name", "is_known"),
    [
        ("B-BTC_USDT@trades", True),
        ("I-BTC_INR@prices", True),
        ("B-BTC_USDT@orderbook@20", True),
        ("B-BTC_USDT@orderbook@30", False),
        ("B-BTC_USDT@orderbook", False),
        ("B-BTC_USDT_1m", True),
        ("B-BTC_USDT_5m", False),
        ("B-BTC_USDT_5m-futures", True),
        ("B-BTC_USDT_5m-future", False),
        ("B-NOPE_USDT@trades", False),
        ("I-BTC_INR@trades-futures", False),
        ("coindcx", False),
    ],
)
def test_a_channel_is_known_or_silent(name: str, is_known: bool) -> None:
    assert (channel_of(Desk().exchange.world, name) is not None) is is_known


@pytest.mark.parametrize(
    ("name", "market"),
    [("B-BTC_USDT@trades", "BTCUSDT"), ("B-BTC_USDT@trades-futures", "B-BTC_USDT")],
)
def test_a_trade_is_told_as_our_client_reads_it(name: str, market: str) -> None:
    desk = Desk()
    desk.move(market, "80001.5")
    channel = channel_of(desk.exchange.world, name)
    assert channel is not None
    found = said(desk.exchange.world, channel, desk.now())
    assert found is not None
    event, payload = found
    (told,) = _read(event, payload)
    assert isinstance(told, TradeTold)
    assert (told.trade.price, told.is_futures) == (D("80001.5"), channel.is_futures)


def test_a_candle_is_told_forming_and_once_closed() -> None:
    desk = Desk()
    world = desk.exchange.world
    channel = channel_of(world, "B-BTC_USDT_1m")
    assert channel is not None
    for price in ("80000", "80100", "79900"):
        desk.move("BTCUSDT", price)
    forming = said(world, channel, desk.now())
    assert forming is not None
    ended_ms = (desk.now() // MINUTE_MS + 1) * MINUTE_MS
    closed = closed_candle(world, channel, ended_ms)
    assert closed is not None
    told = [_read(*each)[0] for each in (forming, closed)]
    assert all(isinstance(each, CandleTold) for each in told)
    before, after = [each for each in told if isinstance(each, CandleTold)]
    assert (before.closed, after.closed) == (False, True)
    assert (after.open, after.high, after.low, after.close) == (
        D("80000"), D("80100"), D("79900"), D("79900"),
    )  # fmt: skip
    assert closed_candle(world, channel, ended_ms + MINUTE_MS) is None


def _read(event: str, payload: object) -> list[object]:
    found = read_frame(event, {"event": event, "data": encoded(payload).decode()})
    assert isinstance(found, list), found
    return list(found)


def test_prices_of_a_product_are_told_as_changes_and_whole_once_a_minute() -> None:
    desk = Desk()
    wide = Wide(desk.exchange.world, "currentPrices@spot@1s")
    first = wide.moved("BTCUSDT", START_MS)
    soon = wide.moved("BTCINR", START_MS + 500)
    later = wide.moved("BTCUSDT", START_MS + 1_000)
    minute = wide.moved("BTCUSDT", START_MS + 60_000)

    assert [name for name, _ in first] == [
        "currentPrices@spot#snapshot",
        "currentPrices@spot#update",
    ]
    assert soon == []
    assert set(later[0][1]["prices"]) == {"BTCINR", "BTCUSDT"}
    assert len(minute[0][1]["prices"]) == len(desk.exchange.world.spot)
    assert wide.moved("B-BTC_USDT", START_MS + 70_000) == []


def test_futures_tell_each_price_at_once_with_its_mark() -> None:
    wide = Wide(Desk().exchange.world, "currentPrices@futures@rt")
    ((name, told),) = wide.moved("B-BTC_USDT", START_MS)
    assert name == "currentPrices@futures#update"
    assert told["prices"]["B-BTC_USDT"]["mp"] == D("79750")


def test_a_books_changes_lead_from_one_snapshot_to_the_next() -> None:
    desk = Desk()
    channel = channel_of(desk.exchange.world, "B-BTC_USDT@orderbook@10")
    assert channel is not None
    book, levels = Book(), dict[str, dict[str, str]]()
    numbers: list[int] = []
    for step, price in enumerate(("79760", "79760.05", "79750", "79770", "79765")):
        desk.move("BTCUSDT", price)
        whole = said(desk.exchange.world, channel, START_MS + step * 700)
        assert whole is not None
        name, told = book.told(whole[1], START_MS + step * 700)
        numbers.append(told["vs"])
        for side in ("asks", "bids"):
            kept = {} if name == "depth-snapshot" else levels[side]
            kept |= told[side]
            levels[side] = {level: size for level, size in kept.items() if size != "0"}
            assert levels[side] == whole[1][side], (step, name)
    assert numbers == [0, 1, 2, 2, 3]
