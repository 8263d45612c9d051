"""The venue on loopback: HTTP/1.1 on a bare asyncio protocol, for a framework would cost more than
the exchange.
"""

import asyncio
from dataclasses import dataclass, field
from http import HTTPStatus

from tests.coindcx_sim.admin import Admin
from tests.coindcx_sim.answers import Answer, Late, SimRequest
from tests.coindcx_sim.clocks import SimTime
from tests.coindcx_sim.exchange import Exchange

REASONS = {status.value: status.phrase for status in HTTPStatus}
TICK_SECONDS = 0.01


@dataclass
class HttpServer:
    exchange: Exchange
    time: SimTime
    admin: Admin
    hanging: set[asyncio.Transport] = field(default_factory=set)

    def serve(self, request: SimRequest) -> Answer | Late:
        if request.path.startswith("/_sim/"):
            return self.admin.answer(request)
        return self.exchange.handle(request, self.time.now_ms())

    async def start(self, port: int) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        return await loop.create_server(lambda: Connection(self), "127.0.0.1", port)

    async def tick(self) -> None:
        """What happens by itself also happens while nobody asks."""
        while True:
            self.exchange.advance(self.time.now_ms())
            await asyncio.sleep(TICK_SECONDS)


class Connection(asyncio.Protocol):
    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.buffer = bytearray()
        self.transport: asyncio.Transport
        self.address = ""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.address = transport.get_extra_info("peername")[0]

    def connection_lost(self, exc: Exception | None) -> None:
        self.server.hanging.discard(self.transport)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        while (request := self._next()) is not None:
            self._take(request)

    def _next(self) -> SimRequest | None:
        end = self.buffer.find(b"\r\n\r\n")
        if end < 0:
            return None
        method, target, key, signature, length = _head(bytes(self.buffer[:end]))
        if len(self.buffer) < end + 4 + length:
            return None
        body = bytes(self.buffer[end + 4 : end + 4 + length])
        del self.buffer[: end + 4 + length]
        path, _, query = target.partition("?")
        return SimRequest(method, path, query, key, signature, body, self.address)

    def _take(self, request: SimRequest) -> None:
        found = self.server.serve(request)
        if isinstance(found, Late):
            self._wait(found)
        else:
            self._send(found)

    def _wait(self, late: Late) -> None:
        """On a driven clock too, it arrives when the venue's time says so."""
        self.server.exchange.world.timers.at(
            late.at_ms, lambda now_ms: self._send(self.server.exchange.arrive(late.request, now_ms))
        )

    def _send(self, answer: Answer) -> None:
        if self.transport.is_closing():
            return
        if answer.fate == "reset":
            self.transport.abort()
            return
        if answer.fate == "hung":
            self.server.hanging.add(self.transport)
            return
        payload = _payload(answer)
        if answer.delay_ms:
            due = self.server.exchange.world.timers.now_ms + answer.delay_ms
            self.server.exchange.world.timers.at(due, lambda _: self.transport.write(payload))
        else:
            self.transport.write(payload)


def _head(head: bytes) -> tuple[str, str, str, str, int]:
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ", 2)
    key = signature = ""
    length = 0
    for line in lines:
        name, _, value = line.partition(":")
        match name.lower():
            case "content-length":
                length = int(value)
            case "x-auth-apikey":
                key = value.strip()
            case "x-auth-signature":
                signature = value.strip()
            case _:
                pass
    return method, target, key, signature, length


def _payload(answer: Answer) -> bytes:
    extra = "".join(f"{name}: {value}\r\n" for name, value in answer.headers.items())
    head = (
        f"HTTP/1.1 {answer.status} {REASONS.get(answer.status, '')}\r\n"
        f"Content-Type: {answer.content_type}\r\nContent-Length: {len(answer.body)}\r\n{extra}\r\n"
    )
    return head.encode("latin-1") + answer.body
