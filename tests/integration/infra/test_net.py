"""Both transports behind the one port, against a server that misbehaves on purpose."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Protocol

import pytest

from control_plane.infra.fast_net import AiohttpNet
from control_plane.infra.net import HttpxNet, Net, Request, Unreachable

REPLIES = {
    "/ok": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Seen: yes\r\n\r\n{}",
    "/long": b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + b"x" * 5000,
    "/moved": b"HTTP/1.1 302 Found\r\nLocation: /ok\r\nContent-Length: 0\r\n\r\n",
    "/reset": b"",
    "/half": b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{",
}


class Closing(Net, Protocol):
    async def close(self) -> None: ...


@asynccontextmanager
async def venue(seen: list[bytes]) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        seen.append(head.split(b"\r\n")[0] + b" " + await reader.readexactly(length))
        writer.write(REPLIES[head.split(b" ")[1].decode()])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


NETS: list[Callable[[], Closing]] = [HttpxNet, AiohttpNet]


async def used(make: Callable[[], Closing], use: Callable[[Net], Awaitable[None]]) -> None:
    net = make()
    try:
        await use(net)
    finally:
        await net.close()


@pytest.mark.parametrize("make", NETS)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_the_very_bytes_are_sent_with_either_method(
    make: Callable[[], Closing], method: str
) -> None:
    seen: list[bytes] = []
    async with venue(seen) as url:

        async def use(net: Net) -> None:
            reply = await net.send(Request(method, f"{url}/ok", {"A": "b"}, b'{"timestamp":1}'))
            assert (reply.status, reply.body, reply.headers["x-seen"]) == (200, b"{}", "yes")

        await used(make, use)
    assert seen == [f'{method} /ok HTTP/1.1 {{"timestamp":1}}'.encode()]


@pytest.mark.parametrize("make", NETS)
@pytest.mark.parametrize("path", ["/reset", "/half", "/long"])
async def test_no_whole_answer_within_its_bound_is_unreachable_and_not_asked_twice(
    make: Callable[[], Closing], path: str
) -> None:
    seen: list[bytes] = []
    async with venue(seen) as url:

        async def use(net: Net) -> None:
            with pytest.raises(Unreachable):
                await net.send(Request("POST", f"{url}{path}", {}, b"{}", max_reply_bytes=1_000))

        await used(make, use)
    assert len(seen) == 1


@pytest.mark.parametrize("make", NETS)
async def test_a_redirect_is_an_answer_and_is_not_followed(make: Callable[[], Closing]) -> None:
    seen: list[bytes] = []
    async with venue(seen) as url:

        async def use(net: Net) -> None:
            assert (await net.send(Request("POST", f"{url}/moved", {}, b"{}"))).status == 302

        await used(make, use)
    assert len(seen) == 1


@pytest.mark.parametrize("make", NETS)
async def test_nobody_there_is_unreachable(make: Callable[[], Closing]) -> None:
    async def use(net: Net) -> None:
        with pytest.raises(Unreachable):
            await net.send(Request("POST", "http://127.0.0.1:9/", {}, b"{}"))

    await used(make, use)
