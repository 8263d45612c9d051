"""The server on a real socket of this machine."""

import asyncio
import signal
import socket

import httpx
import pytest
from fastapi import APIRouter
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.db import Database
from control_plane.infra.http import HttpOptions, create_app
from control_plane.infra.http_callers import Caller
from control_plane.infra.http_edge import HostNames
from control_plane.infra.http_refusals import Unauthenticated
from control_plane.infra.http_server import HttpServer, NotListening


async def _hello(_request: Request) -> PlainTextResponse:
    return PlainTextResponse("hello")


def _echo() -> APIRouter:
    router = APIRouter()

    @router.post("/echo")
    async def echo(body: dict[str, int]) -> dict[str, int]:
        return body

    return router


async def _nobody(_request: HTTPConnection) -> Caller:
    raise Unauthenticated("Nobody is signed in.")


APP = Starlette(routes=[Route("/", _hello)])


async def test_it_answers_until_it_is_stopped_and_leaves_signals_alone() -> None:
    before = signal.getsignal(signal.SIGTERM)
    server = HttpServer("127.0.0.1", 0)

    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(APP))
        async with httpx.AsyncClient() as client:
            assert (await client.get(server.address)).text == "hello"
            assert signal.getsignal(signal.SIGTERM) is before
        server.stop()

    with pytest.raises(httpx.ConnectError):
        httpx.get(server.address)


async def test_a_stop_before_the_start_counts() -> None:
    server = HttpServer("127.0.0.1", 0)
    server.stop()

    async with asyncio.timeout(2):
        await server.run(APP)


@pytest.mark.attack("U14")
async def test_a_body_that_dawdles_is_given_up(
    memory: Database, real_clock: Clock, rng: Rng
) -> None:
    options = HttpOptions(HostNames(), body_seconds=0.2)
    app = create_app(
        routers=[],
        pages=[_echo()],
        authenticate=_nobody,
        db=memory,
        clock=real_clock,
        rng=rng,
        options=options,
    )
    server = HttpServer("127.0.0.1", 0)
    async with asyncio.TaskGroup() as group:
        group.create_task(server.run(app))
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(
            b"POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 50\r\n\r\n{"
        )
        async with asyncio.timeout(5):
            answer = await reader.read(2_000)
        writer.close()
        server.stop()

    assert answer.startswith(b"HTTP/1.1 408")
    assert b"connection: close" in answer.lower()


def test_a_taken_port_is_one_sentence_that_names_the_variable() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(NotListening, match=f"Port {port} .* SLIPWAY_PORT"):
            HttpServer("127.0.0.1", port)


def test_a_host_that_is_not_ours_is_refused_by_its_variable() -> None:
    with pytest.raises(NotListening) as refused:
        HttpServer("203.0.113.1", 0)

    assert refused.value.field == "SLIPWAY_HOST"


async def test_a_connection_waits_for_no_peer_to_have_seen_half_an_answer() -> None:
    server = HttpServer("127.0.0.1", 0)
    with socket.create_connection(("127.0.0.1", server.port)):
        accepted, _ = server._socket.accept()
        with accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == 60_000
    server.close()
