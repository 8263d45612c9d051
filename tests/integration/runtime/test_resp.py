import asyncio
import socket

import pytest
from redis.asyncio import Redis

from control_plane.infra.embedded import EmbeddedServer
from strategy_runtime.feeds.resp import BusLost, BusRefused, connected, parse_address

pytestmark = pytest.mark.redis


async def test_commands_are_answered_in_order(redis_server: EmbeddedServer) -> None:
    async with connected(parse_address(redis_server.url)) as bus:
        await bus.call("SET", "k", b"\x00\xff")
        replies = [await bus.call("GET", "k"), await bus.call("GET", "none")]

    assert replies == [b"\x00\xff", None]


async def test_an_error_of_the_server_is_told(redis_server: EmbeddedServer) -> None:
    async with connected(parse_address(redis_server.url)) as bus:
        with pytest.raises(BusRefused, match="unknown command"):
            await bus.call("NONSENSE")
        assert await bus.call("PING") == b"PONG"


async def test_a_wrong_password_is_refused(redis_server: EmbeddedServer) -> None:
    address = parse_address(f"unix://slipway:wrong@{redis_server.socket_path}")

    with pytest.raises(BusRefused, match="WRONGPASS"):
        async with connected(address):
            pass


async def test_messages_come_to_who_subscribed(redis_server: EmbeddedServer) -> None:
    heard: list[tuple[bytes, bytes]] = []
    address = parse_address(redis_server.url)

    def hear(channel: bytes, payload: bytes) -> None:
        heard.append((channel, payload))

    async with connected(address, hear) as ear, connected(address) as mouth:
        await ear.subscribe("a", "b")
        await mouth.call("PUBLISH", "b", "1")
        await mouth.call("PUBLISH", "a", b"\xff")
        await ear.call("PING")

    assert heard == [(b"b", b"1"), (b"a", b"\xff")]


async def test_tcp_is_spoken_as_well(redis_server: EmbeddedServer) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    redis = Redis.from_url(redis_server.url)
    await redis.config_set("port", port)
    await redis.aclose()
    password = redis_server.url.split(":")[2].split("@")[0]

    async with connected(parse_address(f"redis://slipway:{password}@127.0.0.1:{port}")) as bus:
        assert await bus.call("PING") == b"PONG"


async def test_a_server_that_goes_away_is_noticed(redis_server: EmbeddedServer) -> None:
    async with connected(parse_address(redis_server.url)) as bus:
        async with asyncio.TaskGroup() as group:
            watching = group.create_task(_watched(bus.watch()))
            await redis_server.stop()
        assert "closed" in watching.result()
        with pytest.raises(BusLost):
            await bus.call("PING")


async def test_a_socket_that_is_not_there_is_lost_at_once() -> None:
    with pytest.raises(BusLost, match="cannot connect"):
        async with connected(parse_address("unix:///nowhere/at/all.sock")):
            pass


async def _watched(watch: object) -> str:
    try:
        await watch  # type: ignore[misc]
    except BusLost as lost:
        return str(lost)
    return ""
