"""Following a running Slipway over its one WebSocket.

A connection that is lost is opened again, and goes on after what was heard last: nothing is missed
and nothing comes twice.
"""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

from control_plane.cli.session import Api
from control_plane.core.clock import Clock
from control_plane.errors import SlipwayError, Unavailable

PATH = "/api/v1/live"
MOST_BYTES = 64 * 1024
OPEN_SECONDS = 10.0
SILENT_SECONDS = 60.0  # several heartbeats: the other side is gone without a word
PAUSE_SECONDS = 1.0
CLOSE_SECONDS = 1.0
# What an older server, or something before it that knows no WebSockets, answers.
UNKNOWN = {400, 404, 405, 426, 501}
FOR_GOOD = {4401, 4403}


class Refused(SlipwayError):
    """Slipway said no, and why."""


class NoLive(Unavailable):
    """This server has no live connections."""


async def follow(api: Api, clock: Clock, asked: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
    """Every message of one subscription, for ever. `asked` is its channel, its filters, and from
    where.
    """
    place = dict(asked)
    is_lost = False
    while True:
        try:
            async with aclosing(_heard(api, place)) as messages:
                async for message in messages:
                    is_lost = False
                    if message["type"] in {"event", "vital", "caught_up", "missed"}:
                        place["after"] = _after(message)
                    if message["type"] == "lines":
                        place["cursor"] = message["cursor"]
                    yield message
        except _Lost as lost:
            if not is_lost:
                print(f"slipway: {lost} Going on as soon as it is back.", file=sys.stderr)
            is_lost = True
        await clock.sleep(PAUSE_SECONDS)


def _after(message: dict[str, Any]) -> int:
    """Behind what is gone one goes on as the server does."""
    if message["type"] != "missed":
        return int(message["number"])
    is_set_back = message["after"] < message["until"] and "no event" in message["what"]
    return int(message["after"] if is_set_back else message["until"])


class _Lost(Exception):
    """The connection broke off."""


async def _heard(api: Api, asked: dict[str, Any]) -> AsyncGenerator[dict[str, Any], None]:
    from websockets.asyncio.client import connect
    from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

    address = f"ws{api.address.removeprefix('http')}{PATH}"
    headers = {"Authorization": f"Bearer {api.token}"} if api.token else {}
    try:
        async with connect(
            address,
            additional_headers=headers,
            max_size=MOST_BYTES,
            max_queue=None,  # or leaving would wait for what nobody reads any more
            open_timeout=OPEN_SECONDS,
            close_timeout=CLOSE_SECONDS,
            compression=None,
            proxy=None,
        ) as socket:
            await socket.send(json.dumps({"type": "subscribe", "id": "cli", **asked}))
            while True:
                async with asyncio.timeout(SILENT_SECONDS):
                    message = json.loads(await socket.recv())
                if message["type"] in {"refused", "ended"}:
                    _check(message)
                elif message.get("id") == "cli":
                    yield message
    except InvalidStatus as error:
        raise _refusal(error.response.status_code, bytes(error.response.body or b"")) from error
    except (ConnectionClosed, InvalidHandshake, OSError, TimeoutError) as error:
        raise _Lost("The connection was lost.") from error


def _check(message: dict[str, Any]) -> None:
    """What ends it for good is said; anything else is a reason to come back."""
    if message["type"] == "refused" or message["code"] in FOR_GOOD:
        raise Refused(message["what"], field=message.get("field"), remedy=message["remedy"])


def _refusal(status: int, body: bytes) -> Exception:
    if status in UNKNOWN:
        return NoLive("This server has no live connections.")
    if status >= 500:
        return _Lost(f"The server answers with status {status}.")
    try:
        found = json.loads(body)
    except ValueError:
        found = {}
    return Refused(
        str(found.get("detail", f"Slipway answered with status {status}.")),
        remedy=found.get("remedy"),
    )
