"""What the simulated exchange can take, and what it costs whoever measures against it.

`python -m benchmarks.coindcx_sim`: 5,000 accounts; orders a second inside the process, over
loopback with requests written beforehand (the server's own cost), and by our client on both
transports.
"""

import argparse
import asyncio
import time
from decimal import Decimal
from typing import Protocol

from control_plane.brokers.coindcx import spot
from control_plane.brokers.coindcx.client import Client, Hosts
from control_plane.brokers.coindcx.outcomes import Accepted
from control_plane.brokers.coindcx.wire import Credentials, body_of, signature
from control_plane.infra.fast_net import AiohttpNet
from control_plane.infra.net import HttpxNet, Net
from tests.coindcx_sim.answers import Answer, SimRequest
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.process import served
from tests.coindcx_sim.switches import Switches

ACCOUNTS = 5_000
CONNECTIONS = 100
TARGET = 3_000


class Closing(Net, Protocol):
    async def close(self) -> None: ...


def order(n: int) -> spot.NewOrder:
    return spot.NewOrder(
        "BTCINR", "buy", "limit_order", Decimal("0.0001"), f"bench.{n}", price=Decimal(7900000)
    )


def raw(n: int, stamp: int) -> SimRequest:
    body = body_of({"timestamp": stamp, **order(n).fields()})
    account = n % ACCOUNTS
    return SimRequest(
        "POST",
        "/exchange/v1/orders/create",
        "",
        f"key-{account}",
        signature(f"secret-{account}", body),
        body,
    )


def inside(count: int) -> float:
    exchange = populated(ACCOUNTS, Switches(limits_on=False))
    requests = [raw(n, START_MS) for n in range(count)]
    began = time.perf_counter()
    for n, request in enumerate(requests):
        answer = exchange.handle(request, START_MS + n // 10)
        assert isinstance(answer, Answer)
        assert answer.status == 200, answer.body
    return count / (time.perf_counter() - began)


def cpu_seconds(pid: int) -> float:
    with open(f"/proc/{pid}/stat") as stat:
        fields = stat.read().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def over_loopback(port: int, first: int, count: int) -> float:
    stamp = time.time_ns() // 1_000_000
    payloads = [_bytes(raw(first + n, stamp)) for n in range(count)]

    async def work(mine: list[bytes]) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for payload in mine:
            writer.write(payload)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.split(b"Content-Length: ")[1].split(b"\r")[0])
            await reader.readexactly(length)
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for n in range(CONNECTIONS):
            group.create_task(work(payloads[n::CONNECTIONS]))
    return count / (time.perf_counter() - began)


async def by_client(net: Closing, port: int, first: int, count: int) -> float:
    hosts = Hosts(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{port}")
    client = Client(net, hosts)
    numbers = iter(range(first, first + count))

    async def work() -> None:
        for n in numbers:
            now = time.time_ns() // 1_000_000
            call = spot.create(order(n), require_echo=True, signed_ms=now, skew_ms=2_000)
            account = n % ACCOUNTS
            key = Credentials(f"key-{account}", f"secret-{account}")
            found = await client.ask(call, key, now)
            assert isinstance(found, Accepted), found

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(CONNECTIONS):
            group.create_task(work())
    rate = count / (time.perf_counter() - began)
    await net.close()
    return rate


async def measure(count: int) -> None:
    print(f"accounts                                  {ACCOUNTS:>9,}")
    print(f"orders/s inside the process               {inside(count):>9,.0f}   target {TARGET:,}")
    with served("--no-limits", "--accounts", str(ACCOUNTS)) as venue:
        port, pid = int(venue.url.rsplit(":", 1)[1]), venue.pid
        used = cpu_seconds(pid)
        rate = await over_loopback(port, 0, count)
        spent = (cpu_seconds(pid) - used) / count
        print(f"orders/s over HTTP, bytes made beforehand {rate:>9,.0f}   target {TARGET:,}")
        print(f"the exchange's own cost of an order       {spent * 1e6:>9,.0f} µs of its core")
        for name, net, share in (("aiohttp", AiohttpNet(CONNECTIONS), 1), ("httpx", HttpxNet(), 8)):
            first = 10**6 * (share + 1)
            rate = await by_client(net, port, first, count // share)
            print(
                f"orders/s by our client over {name:<14}{rate:>9,.0f}   signing and parsing in it"
            )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=20_000)
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
