"""The simulated exchange over a real network: our client, another's, and sockets of both."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from decimal import Decimal
from typing import Any, TypeVar

import coindcx
import pytest
import socketio

from control_plane.brokers.coindcx import futures, futures_positions, public, spot
from control_plane.brokers.coindcx.client import Client, Hosts
from control_plane.brokers.coindcx.frames import BalanceTold, Told, TradeTold
from control_plane.brokers.coindcx.models import FuturesOrder, Position, SpotOrder
from control_plane.brokers.coindcx.outcomes import Accepted, Outcome, Reason, Refused, Unknown
from control_plane.brokers.coindcx.stream import Gap, KeyRefused, Stream
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import Clock
from control_plane.infra.fast_net import AiohttpNet
from control_plane.infra.rng import SeededRng
from control_plane.infra.socket_io import SocketIoNet
from tests.coindcx_sim.desk import limit, perpetual
from tests.coindcx_sim.process import Served, served

T = TypeVar("T")

KEY = Credentials("key-0", "secret-0")
PAIR = "B-BTC_USDT"


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served("--sockets", "--no-limits", "--switch", "notification_required=false") as found:
        yield found


@pytest.fixture
async def client(venue: Served) -> AsyncIterator[Client]:
    net = AiohttpNet()
    yield Client(net, Hosts(venue.url, venue.url), deadline_seconds=2)
    await net.close()


@pytest.fixture
def other(venue: Served) -> Iterator[coindcx.Client]:
    """The client of the package `coindcx`, which somebody else wrote."""
    with coindcx.Client("key-0", "secret-0", venue.url, venue.url, timeout=5) as found:
        yield found


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def value(outcome: Outcome[T]) -> T:
    assert isinstance(outcome, Accepted), outcome
    return outcome.value


async def wait_until(true: Any, seconds: float = 5) -> None:
    async with asyncio.timeout(seconds):
        while not true():
            await asyncio.sleep(0.01)


def creating(name: str, price: str = "7000000") -> Any:
    return spot.create(limit(name, price), require_echo=True, signed_ms=now_ms(), skew_ms=2_000)


async def test_an_order_crosses_the_network_and_stands_in_the_ledger(
    venue: Served, client: Client
) -> None:
    made = value(await client.ask(creating("net.1"), KEY, now_ms()))
    entries = venue.admin("ledger", kinds=["order_accepted"])["entries"]
    assert made.id in {entry["order_id"] for entry in entries}
    refused = await client.ask(creating("net.1"), KEY, now_ms())
    assert isinstance(refused, Refused)
    assert refused.reason is Reason.DUPLICATE_CLIENT_ID


@pytest.mark.parametrize(
    "fault", ["accept_then_hang", "accept_then_reset", "bad_json", "accept_then_html_502"]
)
async def test_a_fault_on_the_wire_is_doubt_and_the_order_is_there(
    venue: Served, client: Client, fault: str
) -> None:
    venue.admin("script", fault=fault, path="/create")
    name = f"net.{fault}"
    assert isinstance(await client.ask(creating(name), KEY, now_ms()), Unknown)
    found = value(await client.ask(spot.status(client_order_id=name), KEY, now_ms()))
    assert found.client_order_id == name


async def test_signed_gets_carry_their_body(client: Client) -> None:
    assert {
        each.currency
        for each in value(await client.ask(futures_positions.wallets(), KEY, now_ms()))
    }


async def test_another_client_reads_the_markets_as_ours_does(
    client: Client, other: coindcx.Client
) -> None:
    markets, odd = value(await client.look(public.markets_details()))
    theirs = await asyncio.to_thread(other.get_markets_details)
    assert [each.name for each in markets] == [each["coindcx_name"] for each in theirs]
    assert not odd
    names = await asyncio.to_thread(other.get_markets)
    assert value(await client.look(public.markets())) == names
    tickers, _ = value(await client.look(public.ticker()))
    rows = await asyncio.to_thread(other.get_ticker)
    assert {each.market: each.last for each in tickers} == {
        row["market"]: Decimal(row["last_price"]) for row in rows
    }


async def test_another_client_reads_prices_as_ours_does(
    venue: Served, client: Client, other: coindcx.Client
) -> None:
    venue.admin("move", name="BTCUSDT", price="79760")
    venue.admin("move", name=PAIR, price="79770")
    trades = value(await client.look(public.trade_history(PAIR)))
    theirs = await asyncio.to_thread(other.get_trades, PAIR)
    assert [each.price for each in trades] == [Decimal(str(row["p"])) for row in theirs]
    book = value(await client.look(public.order_book(PAIR)))
    levels = await asyncio.to_thread(other.get_orderbook, PAIR)
    assert book.bids[0][0] == max(map(Decimal, levels["bids"]))
    bars = value(await client.look(public.candles(PAIR, "1m", now_ms() - 60_000, now_ms() + 1000)))
    candles = await asyncio.to_thread(other.get_candles, PAIR, "1m")
    assert bars[-1].close == Decimal(str(candles[0]["close"]))
    public_trades = value(await client.look(public.futures_trades(PAIR)))
    rows = await asyncio.to_thread(other.get_futures_trade_history, PAIR)
    assert [each.price for each in public_trades] == [Decimal(str(row["price"])) for row in rows]
    seconds = now_ms() // 1000
    sticks = value(
        await client.look(public.candlesticks(PAIR, "1", seconds - 60, seconds + 1, futures=True))
    )
    found = await asyncio.to_thread(other.get_futures_candles, PAIR, seconds - 60, seconds + 1, "1")
    assert [each.open_ms for each in sticks] == [row["time"] for row in found["data"]]


async def test_another_client_reads_the_account_as_ours_does(
    client: Client, other: coindcx.Client
) -> None:
    balances = value(await client.ask(spot.balances(), KEY, now_ms()))
    theirs = await asyncio.to_thread(other.get_balances)
    assert {each.currency: each.free for each in balances} == {
        row["currency"]: Decimal(str(row["balance"])) for row in theirs
    }
    assert (await asyncio.to_thread(other.get_user_info))[0]["coindcx_id"]
    assert value(await client.ask(spot.user(), KEY, now_ms())).id_sha256


async def test_another_clients_orders_are_seen_by_ours(
    client: Client, other: coindcx.Client
) -> None:
    theirs = await asyncio.to_thread(
        other.create_spot_order, "BTCINR", "buy", "limit_order", 0.0005, 7000000, "pkg.1"
    )
    ours = value(await client.ask(spot.status(client_order_id="pkg.1"), KEY, now_ms()))
    assert (ours.id, ours.quantity) == (theirs["id"], Decimal("0.0005"))
    with pytest.raises(coindcx.CoinDCXAPIException, match="already exists"):
        await asyncio.to_thread(
            other.create_spot_order, "BTCINR", "buy", "limit_order", 0.0005, 7000000, "pkg.1"
        )


async def test_another_clients_futures_agree_with_ours(
    client: Client, other: coindcx.Client
) -> None:
    pairs = await asyncio.to_thread(other.get_active_instruments, ["USDT"])
    assert value(await client.look(public.active_instruments("USDT"))) == pairs
    rules = value(await client.look(public.instrument(PAIR, "USDT")))
    theirs = (await asyncio.to_thread(other.get_instrument_details, PAIR, "USDT"))["instrument"]
    assert rules.price_increment == Decimal(str(theirs["price_increment"]))

    order = {"pair": PAIR, "side": "buy", "order_type": "limit_order", "leverage": 5}
    made = await asyncio.to_thread(
        lambda: other.create_futures_order(**order, total_quantity=0.002, price=79000.0)
    )
    await asyncio.sleep(0.1)
    listed = value(await client.ask(futures.orders("buy"), KEY, now_ms()))
    rows = await asyncio.to_thread(other.list_futures_orders, "buy", "open")
    assert made["id"] in {each.id for each in listed}
    assert {row["id"] for row in rows} == {each.id for each in listed if each.status == "open"}
    edited = await asyncio.to_thread(other.edit_futures_order, made["id"], 0.003, 79100.0)
    (found,) = [
        each
        for each in value(await client.ask(futures.orders("buy"), KEY, now_ms()))
        if each.id == made["id"]
    ]
    assert found.quantity == Decimal(str(edited[0]["total_quantity"])) == Decimal("0.003")


async def test_the_private_socket_tells_what_the_ledger_holds(
    venue: Served, client: Client, real_clock: Clock
) -> None:
    told: list[Told | Gap] = []
    streams = [
        Stream(SocketIoNet(), venue.sockets[host], (), told.append, real_clock, SeededRng(1), KEY)
        for host in ("spot", "stream")
    ]
    async with asyncio.TaskGroup() as group:
        running = [group.create_task(stream.run()) for stream in streams]
        await asyncio.sleep(0.5)
        made = value(await client.ask(creating("sock.1", "7900000"), KEY, now_ms()))
        entry = futures.create(
            perpetual(pair="B-ETH_USDT", quantity="0.1"), signed_ms=now_ms(), skew_ms=2_000
        )
        value(await client.ask(entry, KEY, now_ms()))
        await wait_until(
            lambda: {SpotOrder, FuturesOrder, Position, BalanceTold} <= {type(e) for e in told}
        )
        await wait_until(
            lambda: any(isinstance(e, SpotOrder) and e.status == "filled" for e in told)
        )
        for task in running:
            task.cancel()
    assert made.id in {each.id for each in told if isinstance(each, SpotOrder)}
    assert not any(stream.not_understood for stream in streams)


async def test_public_trades_come_on_both_hosts_each_for_its_product(
    venue: Served, real_clock: Clock
) -> None:
    told: list[Told | Gap] = []
    channels = [f"{PAIR}@trades", f"{PAIR}@trades-futures", "NOPE@trades", f"{PAIR}_1m"]
    stream = Stream(
        SocketIoNet(), venue.sockets["stream"], channels, told.append, real_clock, SeededRng(1)
    )
    async with asyncio.TaskGroup() as group:
        task = group.create_task(stream.run())
        await asyncio.sleep(0.4)
        venue.admin("move", name=PAIR, price="79780")
        venue.admin("move", name="BTCUSDT", price="79790")
        await wait_until(lambda: len(told) >= 3)
        task.cancel()
    trades = [each for each in told if isinstance(each, TradeTold)]
    assert {(each.is_futures, each.trade.price) for each in trades} == {
        (True, Decimal(79780)), (False, Decimal(79790)),
    }  # fmt: skip


async def test_a_wrong_key_is_hung_up_on(venue: Served, real_clock: Clock) -> None:
    wrong = Credentials("key-0", "another secret")
    stream = Stream(
        SocketIoNet(), venue.sockets["spot"], (), lambda _: None, real_clock, SeededRng(1), wrong
    )
    with pytest.raises(KeyRefused):
        await asyncio.wait_for(stream.run(), 5)


async def test_another_socket_client_hears_envelopes_with_json_as_text(venue: Served) -> None:
    heard: list[Any] = []
    client = socketio.AsyncClient(reconnection=False)
    client.on("new-trade", heard.append)
    client.on("Left Channel", heard.append)
    await client.connect(venue.sockets["stream"], transports=["websocket"])
    await client.emit("join", {"channelName": f"{PAIR}@trades-futures"})
    await client.emit("join", {"channelName": "coindcx"})
    await asyncio.sleep(0.3)
    venue.admin("move", name=PAIR, price="79801")
    await wait_until(lambda: heard)
    assert client.connected
    assert heard[0]["event"] == "new-trade"
    assert json.loads(heard[0]["data"])["p"] == "79801"
    await client.emit("leave", {"channelName": f"{PAIR}@trades-futures"})
    await wait_until(lambda: len(heard) == 2)
    await client.disconnect()


async def test_long_polling_is_not_served(venue: Served) -> None:
    client = socketio.AsyncClient(reconnection=False)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(venue.sockets["spot"], transports=["polling"])
    await client.disconnect()


def test_a_driven_clock_stands_until_it_is_driven() -> None:
    with served("--driven") as venue:
        began = venue.admin("now")["now_ms"]
        assert venue.admin("advance", by_ms=60_000)["now_ms"] == began + 60_000
        venue.admin("open", count=2, prefix="more-")
        assert venue.admin("stats")["accounts"] == 12
