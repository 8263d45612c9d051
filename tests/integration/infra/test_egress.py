"""The pinned connection on a real socket: to the address that was looked at, and to nobody who
cannot prove the name.
"""

import asyncio
import ssl
from pathlib import Path

import pytest

from control_plane.infra.net import Request, Unreachable, unpooled
from tests.certificates import certificate

PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"


async def test_the_name_is_proved_at_the_pinned_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "outside.example.com")
    offers = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offers.load_cert_chain(cert, key)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PACKED)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=offers)
    port = server.sockets[0].getsockname()[1]
    trusts = ssl.create_default_context(cafile=str(cert))
    net = unpooled(trusts)
    url = f"https://127.0.0.1:{port}/a"
    host = {"Host": "outside.example.com"}

    right = Request("GET", url, host, server_name="outside.example.com", as_sent=True)
    reply = await net.send(right)
    with pytest.raises(Unreachable, match="certificate"):
        await net.send(Request("GET", url, host, server_name="evil.example.com"))
    await net.close()
    server.close()
    await server.wait_closed()

    assert b"Host: outside.example.com" in asked[0]
    assert reply.body == b"\x1f\x8b\x08\x00"  # nobody unpacked it
