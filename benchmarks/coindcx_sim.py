"""What the simulated exchange can take, and what it costs whoever measures against it.

`python -m benchmarks.coindcx_sim`: 5,000 accounts; orders a second inside the process, over
loopback with requests written beforehand (the server's own cost), and by our client on both
transports.
"""

import argparse
import asyncio
import time
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from control_plane.brokers.coindcx import parse_public, spot
from control_plane.brokers.coindcx.catalogue import spot_instrument
from control_plane.brokers.coindcx.client import Client, Hosts
from control_plane.brokers.coindcx.document import read_json
from control_plane.brokers.coindcx.opening import open_broker
from control_plane.brokers.coindcx.outcomes import Accepted
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.brokers.coindcx.wire import Credentials, body_of, signature
from control_plane.brokers.models import OrderRequest
from control_plane.core.ids import AccountId, ClientOrderId
from control_plane.infra.clock import RealClock
from control_plane.infra.fast_net import AiohttpNet
from control_plane.infra.net import HttpxNet, Net
from control_plane.settings import CoinDcxSettings
from tests.coindcx_sim.answers import Answer, SimRequest, encoded
from tests.coindcx_sim.broker import KeyRing
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.markets import spot_catalogue
from tests.coindcx_sim.process import served
from tests.coindcx_sim.switches import Switches

ACCOUNTS = 5_000
INSTRUMENT = spot_instrument(
    parse_public.markets([read_json(encoded(spot_catalogue()["BTCINR"].row()), 10_000)])[0][0],
    VenueSettings(),
)
CONNECTIONS = 100
TARGET = 3_000
PATIENT = "window_ms=3600000"  # requests that were signed beforehand grow old


class Closing(Net, Protocol):
    async def close(self) -> None: ...


def order(n: int) -> spot.NewOrder:
    return spot.NewOrder(
        "BTCINR", "buy", "limit_order", Decimal("0.0001"), f"bench.{n}", price=Decimal(7900000)
    )


def raw(n: int, stamp: int, accounts: int = ACCOUNTS) -> SimRequest:
    body = body_of({"timestamp": stamp, **order(n).fields()})
    account = n % accounts
    return SimRequest(
        "POST",
        "/exchange/v1/orders/create",
        "",
        f"key-{account}",
        signature(f"secret-{account}", body),
        body,
    )


def inside(exchange: Exchange, requests: list[SimRequest]) -> None:
    for n, request in enumerate(requests):
        answer = exchange.handle(request, START_MS + n // 10)
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def over_loopback(port: int, first: int, count: int, accounts: int = ACCOUNTS) -> None:
    stamp = time.time_ns() // 1_000_000
    payloads = [_bytes(raw(first + n, stamp, accounts)) for n in range(count)]

    async def work(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for payload in mine:
            writer.write(payload)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.split(b"Content-Length: ")[1].split(b"\r")[0])
            await reader.readexactly(length)
        writer.close()

    async with asyncio.TaskGroup() as group:
        for n in range(CONNECTIONS):
            group.create_task(work(payloads[n::CONNECTIONS]))


async def by_client(
    net: Closing, port: int, first: int, count: int, accounts: int = ACCOUNTS
) -> None:
    hosts = Hosts(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    client = Client(net, hosts, deadline_seconds=60)
    numbers = iter(range(first, first + count))

    async def work() -> None:
        for n in numbers:
            now = time.time_ns() // 1_000_000
            call = spot.create(order(n), require_echo=True, signed_ms=now, skew_ms=2_000)
            account = n % accounts
            key = Credentials(f"key-{account}", f"secret-{account}")
            found = await client.ask(call, key, now)
            assert isinstance(found, Accepted), found

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    await net.close()


async def by_broker(port: int, first: int, count: int) -> None:
    """Through the whole adapter: keys, limits (none reached), lanes, the port's answers."""
    url, many = f"http://127.0.0.1:{port}", 10**6
    section = CoinDcxSettings(
        api_url=url, public_url=url, per_second=many, per_minute=many, deadline_seconds=60
    )
    accounts = [AccountId(f"acc{n}") for n in range(ACCOUNTS)]
    keys = {each: Credentials(f"key-{n}", f"secret-{n}") for n, each in enumerate(accounts)}
    opened = open_broker(KeyRing(keys), RealClock(), section)
    numbers = iter(range(first, first + count))

    async def work() -> None:
        for n in numbers:
            request = OrderRequest(
                account=accounts[n % ACCOUNTS],
                instrument=INSTRUMENT,
                client_order_id=ClientOrderId(f"bench.{n}"),
                side="buy",
                kind="limit",
                quantity=Decimal("0.0001"),
                price=Decimal(7900000),
                signed_ms=time.time_ns() // 1_000_000,
            )
            await opened.broker.place(request)

    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    await opened.close()


@dataclass
class Clocked:
    """Wall time and this process' own time: on a busy machine only the second says anything."""

    count: int
    began: float = field(default_factory=time.perf_counter)
    used: float = field(default_factory=time.process_time)

    def line(self, what: str, note: str = "") -> str:
        rate = self.count / (time.perf_counter() - self.began)
        cost = (time.process_time() - self.used) / self.count
        return f"{what:<42}{rate:>9,.0f}/s {cost * 1e6:>7,.0f} µs of our core  {note}"


async def measure(count: int) -> None:
    print(f"{ACCOUNTS:,} accounts, {count:,} orders")
    requests = [raw(n, START_MS) for n in range(count)]
    exchange = populated(ACCOUNTS, Switches(limits_on=False))
    clocked = Clocked(count)
    inside(exchange, requests)
    print(clocked.line("inside the process", f"target {TARGET:,}/s"))
    with served("--no-limits", "--accounts", str(ACCOUNTS), "--switch", PATIENT) as venue:
        port, pid = int(venue.url.rsplit(":", 1)[1]), venue.pid
        used, clocked = cpu_seconds(pid), Clocked(count)
        await over_loopback(port, 0, count)
        spent = (cpu_seconds(pid) - used) / count
        print(clocked.line("over HTTP, bytes made beforehand", f"target {TARGET:,}/s"))
        print(
            f"  of which the exchange spends {spent * 1e6:,.0f} µs of its core: {1 / spent:,.0f}/s"
        )
        for name, net, share in (("aiohttp", AiohttpNet(CONNECTIONS), 1), ("httpx", HttpxNet(), 8)):
            clocked = Clocked(count // share)
            await by_client(net, port, 10**6 * (share + 1), count // share)
            print(clocked.line(f"our client over {name}", "signing and parsing in it"))
        clocked = Clocked(count)
        await by_broker(port, 10**7, count)
        print(clocked.line("through the whole broker port", "keys, limits and lanes too"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=10_000)
    asyncio.run(measure(parser.parse_args().orders))


def _bytes(request: SimRequest) -> bytes:
    head = (
        f"POST {request.path} HTTP/1.1\r\nHost: sim\r\nContent-Type: application/json\r\n"
        f"X-AUTH-APIKEY: {request.key}\r\nX-AUTH-SIGNATURE: {request.signature}\r\n"
        f"Content-Length: {len(request.body)}\r\n\r\n"
    )
    return head.encode() + request.body


if __name__ == "__main__":
    main()
