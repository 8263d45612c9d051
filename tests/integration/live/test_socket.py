"""Live connections over a real socket: who gets in, and what throws them out."""

import asyncio
import json
from typing import Any

import pytest
from loguru import logger
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from control_plane.live.service import hub as hub_module
from tests.conftest import wait_until
from tests.integration.live.conftest import OPERATOR, Port, Wire
from tests.unit.api.people import REFRESH, Person


async def refused(port: Port, **credentials: str) -> tuple[int, dict[str, str]]:
    with pytest.raises(InvalidStatus) as caught:
        async with port.opened(**credentials):
            pass
    response = caught.value.response
    return response.status_code, json.loads(bytes(response.body or b""))


async def test_what_happens_arrives(port: Port) -> None:
    ann = await port.person("ann")
    async with port.opened(token=ann.access) as wire:
        await wire.subscribe()
        await port.happen(ann.id, "deployment_created", reason="because")
        event = await wire.next("event")

    assert event["kind"] == "deployment_created"
    assert event["body"] == {"reason": "because"}


async def test_every_way_in_works(port: Port) -> None:
    ann = await port.person("ann")
    made = await ann.ask("POST", "/tokens", json={"name": "watch", "scopes": ["read"]})
    ticket = (await ann.ask("POST", "/live/tickets")).json()["ticket"]
    cookie = f"{REFRESH}={ann.refresh}"
    for way in (
        {"token": OPERATOR},
        {"token": ann.access},
        {"token": made.json()["token"]},
        {"ticket": ticket, "origin": f"http://{port.host}"},
        {"cookie": cookie, "origin": f"http://{port.host}"},
    ):
        async with port.opened(**way) as wire:
            await wire.subscribe()


async def test_u10_nobody_gets_in_without_a_proof(port: Port) -> None:
    """reliability-security U10, and the table of T14."""
    ann = await port.person("ann")
    ours = f"http://{port.host}"
    narrow = await ann.ask("POST", "/tokens", json={"name": "x", "scopes": ["trade"]})
    cookie = f"{REFRESH}={ann.refresh}"
    for status, credentials in (
        (401, {}),
        (401, {"token": "slo_guess"}),
        (401, {"token": ann.access[:-4] + "AAAA"}),
        (401, {"ticket": "guess", "origin": ours}),
        (403, {"token": narrow.json()["token"]}),
        (401, {"cookie": cookie}),  # no origin: no page of ours
        (401, {"cookie": f"{REFRESH}=guess", "origin": ours}),
        (403, {"cookie": cookie, "origin": "https://evil.example"}),
        (403, {"token": ann.access, "origin": "https://evil.example"}),
        (403, {"token": ann.access, "origin": "null"}),
    ):
        found, problem = await refused(port, **credentials)
        assert found == status, credentials
        assert problem["remedy"]


async def test_u10_a_token_in_the_address_opens_nothing(port: Port) -> None:
    ann = await port.person("ann")
    for name in ("token", "access_token", "ticket"):
        with pytest.raises(InvalidStatus):
            await connect(f"{port.live}?{name}={ann.access}", proxy=None)


async def test_u10_a_ticket_is_good_once(port: Port) -> None:
    ann = await port.person("ann")
    ticket = (await ann.ask("POST", "/live/tickets")).json()["ticket"]
    async with port.opened(ticket=ticket) as wire:
        assert wire.socket.subprotocol == "slipway.live.v1"

    assert (await refused(port, ticket=ticket))[0] == 401


async def test_a_host_that_is_not_ours_is_refused(port: Port) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port.server.port)
    writer.write(
        b"GET /api/v1/live HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\n"
        b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    assert b"421" in await reader.readline()
    writer.close()


async def closed_by_ending(port: Port, person: Person, ticket: str = "") -> ConnectionClosed:
    token = "" if ticket else person.access
    async with port.opened(token=token, ticket=ticket) as wire:
        await person.ask("DELETE", f"/sessions/{person.session}")
        return await the_end(wire)


async def the_end(wire: Wire) -> ConnectionClosed:
    """What the connection was closed with."""
    try:
        while True:
            await wire.hear()
    except ConnectionClosed as closed:
        return closed


async def test_a_session_that_is_ended_closes_what_it_opened(port: Port) -> None:
    """T6: within five seconds; also what a ticket of it opened."""
    ann, bob = await port.person("ann"), await port.person("bob")
    ticket = (await bob.ask("POST", "/live/tickets")).json()["ticket"]
    for person, by in ((ann, ""), (bob, ticket)):
        async with asyncio.timeout(6):
            ended = await closed_by_ending(port, person, by)
        assert ended.rcvd is not None
        assert ended.rcvd.code == 4401
        assert "has ended" in ended.rcvd.reason


async def test_a_revoked_token_and_a_lost_role_close_too(port: Port) -> None:
    ann, boss = await port.person("ann"), await port.person("boss", "admin")
    made = (await ann.ask("POST", "/tokens", json={"name": "x", "scopes": ["read"]})).json()
    async with port.opened(token=made["token"]) as by_token, port.opened(token=boss.access) as all_:
        await all_.subscribe(everybody=True)
        await ann.ask("DELETE", f"/tokens/{made['id']}")
        other = await port.person("second", "admin")
        lowered = await other.ask("PUT", f"/users/{boss.id}/role", json={"role": "trader"})
        assert lowered.status_code == 204, lowered.text
        for wire in (by_token, all_):
            ended = await wire.next("ended")
            assert ended["code"] == 4401


async def test_a_frame_beyond_64_kb_closes(port: Port) -> None:
    async with port.opened(token=OPERATOR) as wire:
        await wire.socket.send("x" * (64 * 1024 + 1))
        ended = await the_end(wire)

    assert ended.rcvd is not None
    assert ended.rcvd.code == 1009


async def test_an_event_too_large_for_a_frame_still_comes(port: Port) -> None:
    ann = await port.person("ann")
    async with port.opened(token=ann.access) as wire:
        await wire.subscribe()
        await port.happen(ann.id, "large", text="é" * 80_000)
        assert (await wire.next("event"))["body"] == {"is_too_large": True}


async def test_the_limit_of_connections_is_an_answer(port: Port) -> None:
    port.world.services.live.settings = port.world.services.live.settings.model_copy(
        update={"per_caller": 1}
    )
    ann = await port.person("ann")
    async with port.opened(token=ann.access):
        status, problem = await refused(port, token=ann.access)

    assert status == 429
    assert "already" in problem["detail"]


async def test_a_reader_that_reads_nothing_is_closed_and_the_others_go_on(port: Port) -> None:
    hub = port.world.services.live
    hub.settings = hub.settings.model_copy(update={"patience_seconds": 0.3, "queue_frames": 20})
    ann = await port.person("ann")
    said: list[str] = []
    listening = logger.add(lambda line: said.append(str(line)), filter=hub_module.__name__)
    async with port.opened(token=ann.access) as quick, port.opened(token=ann.access) as slow:
        for wire in (quick, slow):
            await wire.say(type="subscribe", id="a", channel="events", after=0, kinds=["big"])
        slow.socket.transport.pause_reading()
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(numbers_of(quick, 400))
            for _ in range(40):
                await port.happen(ann.id, *["big"] * 10, text="x" * 30_000)
            await wait_until(lambda: said, 20, "the end of the slow one")
            slow.socket.transport.resume_reading()
            heard, last = await until_ended(slow)
            closed = await the_end(slow)
    logger.remove(listening)

    assert closed.rcvd is not None
    assert closed.rcvd.code == 4408
    assert len(heard) < 400
    assert heard == reading.result()[: len(heard)]
    assert last["subscriptions"]["a"]["after"] == heard[-1]


async def numbers_of(wire: Wire, count: int) -> list[int]:
    return [(await wire.next("event"))["number"] for _ in range(count)]


async def until_ended(wire: Wire) -> tuple[list[int], dict[str, Any]]:
    numbers = []
    while (message := await wire.hear())["type"] != "ended":
        if message["type"] == "event":
            numbers.append(message["number"])
    return numbers, message


async def test_a_stop_of_the_server_closes_in_order(port: Port) -> None:
    async with port.opened(token=OPERATOR) as wire:
        port.server.stop()
        ended = await the_end(wire)

    assert ended.rcvd is not None
    assert ended.rcvd.code == 1012
