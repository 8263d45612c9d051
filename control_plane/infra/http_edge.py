"""What every request passes on its way in and every response on its way out.

In: a known host name (a page of a rebound name must not reach us), no write from a foreign page,
a body that is neither too large nor too slow. Out: a request's id, the security headers, a log
line. A bug ends here, as a 500 without details.
"""

import asyncio
import ipaddress
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
from loguru import logger
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng, random_id
from control_plane.infra import wall

PREFIX = "/api/v1"
OPENED = 101
SAFE = {"GET", "HEAD", "OPTIONS"}

SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; font-src 'self'; manifest-src 'self'; base-uri 'none'; "
        "form-action 'self'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=()",
}
# What every answer says that does not say otherwise.
STANDING = tuple(
    (name.encode(), value.encode())
    for name, value in {**SECURITY_HEADERS, "cache-control": "no-store"}.items()
)


@dataclass(frozen=True)
class HostNames:
    """The names that we answer to, without a port."""

    names: frozenset[str] = frozenset()

    def knows(self, host: str) -> bool:
        name = host if host.endswith("]") else host.rsplit(":", 1)[0]
        name = name.lower().rstrip(".")
        return name == "localhost" or name in self.names or _is_address(name)


class Turned(HTTPException):
    """A request that goes no further. FastAPI lets no other exception out of reading a body."""

    def __init__(self, status: int, title: str, detail: str, remedy: str) -> None:
        super().__init__(status, detail)
        self.body = {"title": title, "status": status, "detail": detail, "remedy": remedy}


@dataclass
class Exchange:
    """One request and what has come of it."""

    scope: Scope
    request_id: str
    status: int = 0
    body_bytes: int = 0
    body_done: bool = False
    told: dict[str, str] = field(default_factory=dict)  # headers that the answer carries too
    headers: Headers = field(init=False)

    def __post_init__(self) -> None:
        self.headers = Headers(scope=self.scope)


@dataclass
class Edge:
    app: ASGIApp
    clock: Clock
    rng: Rng
    hosts: HostNames
    max_body_bytes: int
    body_seconds: float
    origins: frozenset[str] = frozenset()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with wall.acting_for(wall.NOBODY):
            await self._meet(scope, receive, send)

    async def _meet(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return

        exchange = Exchange(scope, random_id("rq", self.rng))
        scope["slipway.request_id"] = exchange.request_id
        scope["slipway.headers"] = exchange.told
        if scope["type"] == "websocket":
            await self._open(exchange, receive, send)
            return

        started = self.clock.monotonic()
        try:
            await self._pass(exchange, receive, send)
        finally:
            took = (self.clock.monotonic() - started) * 1000
            # A page that looks every second is no news.
            quiet = scope["method"] in SAFE and exchange.status < 400
            logger.log(
                "DEBUG" if quiet else "INFO",
                "http_request",
                method=scope["method"],
                path=scope["path"],
                status=exchange.status,
                took_ms=round(took, 1),
                request=exchange.request_id,
            )

    async def _open(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        """A live connection: once it is open it says itself what happens to it."""

        async def answer(message: Message) -> None:
            if message["type"] in {"websocket.http.response.start", "websocket.accept"}:
                exchange.status = message.get("status", OPENED)
            if message["type"] == "websocket.http.response.start":
                _dress(message, exchange)
            await send(message)

        async def refuse(message: Message) -> None:
            await answer({**message, "type": f"websocket.{message['type']}"})

        started = self.clock.monotonic()
        try:
            self._check_host(exchange)
            self._check_origin(exchange)
            await self.app(exchange.scope, receive, answer)
        except Turned as turned:
            await _answer_problem(turned, exchange, refuse)
        except Exception as error:  # noqa: BLE001 # the edge: what nobody foresaw is met here
            logger.opt(exception=error).error("http_failed", request=exchange.request_id)
            if exchange.status == OPENED:
                await send({"type": "websocket.close", "code": 1011, "reason": _bug().detail})
            await _answer_problem(_bug(), exchange, refuse)
        finally:
            logger.info(
                "live_connection",
                path=exchange.scope["path"],
                status=exchange.status,
                seconds=round(self.clock.monotonic() - started, 1),
                request=exchange.request_id,
            )

    async def _pass(self, exchange: Exchange, receive: Receive, send: Send) -> None:
        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
                _dress(message, exchange)
            await send(message)

        try:
            self._admit(exchange)
            await self.app(exchange.scope, self._bounded(exchange, receive), answer)
        except Turned as turned:
            await _answer_problem(turned, exchange, answer)
        except Exception as error:  # noqa: BLE001 # the edge: what nobody foresaw is met here
            logger.opt(exception=error).error("http_failed", request=exchange.request_id)
            await _answer_problem(_bug(), exchange, answer)

    def _admit(self, exchange: Exchange) -> None:
        self._check_host(exchange)
        if exchange.scope["method"] not in SAFE:
            self._check_origin(exchange)
        _check_nul(exchange.scope)
        declared = exchange.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self.max_body_bytes:
            raise self._too_large()

    def _check_host(self, exchange: Exchange) -> None:
        host = exchange.headers.get("host", "")
        if not self.hosts.knows(host):
            raise Turned(
                421,
                "Unknown host",
                f"This is no host of the name {host!r}.",
                "Use the address that Slipway printed, or add the name to SLIPWAY_HTTP__HOSTS.",
            )

    def _check_origin(self, exchange: Exchange) -> None:
        headers = exchange.headers
        if not self._may_write(headers, headers.get("host", "")):
            raise Turned(
                403,
                "Forbidden",
                "A page of another origin may change nothing here.",
                "Send the request from Slipway's own page or without a browser.",
            )

    def _may_write(self, headers: Headers, host: str) -> bool:
        return headers.get("origin") in self.origins or _from_our_page(headers, host)

    def _bounded(self, exchange: Exchange, receive: Receive) -> Receive:
        deadline = asyncio.get_running_loop().time() + self.body_seconds

        async def take() -> Message:
            if exchange.body_done:
                return await receive()
            try:
                async with asyncio.timeout_at(deadline):
                    message = await receive()
            except TimeoutError as error:
                raise Turned(
                    408,
                    "Too slow",
                    f"The body did not arrive within {self.body_seconds:g} s.",
                    "Send it again.",
                ) from error
            exchange.body_bytes += len(message.get("body", b""))
            exchange.body_done = not message.get("more_body", False)
            if exchange.body_bytes > self.max_body_bytes:
                raise self._too_large()
            return message

        return take

    def _too_large(self) -> Turned:
        return Turned(
            413,
            "Too large",
            f"The body is larger than {self.max_body_bytes} bytes.",
            "Send less at once.",
        )


def _check_nul(scope: Scope) -> None:
    """No name of ours has one, and not every database can be asked for it."""
    if "\0" in scope["path"]:
        raise Turned(404, "Missing", "There is nothing with a NUL in its name.", "Leave it out.")
    if b"%00" in scope["query_string"]:
        raise Turned(422, "Invalid", "A parameter holds a NUL.", "Leave it out.")


def _is_address(name: str) -> bool:
    """An address was looked up by nobody, so nobody can have pointed it at us."""
    try:
        ipaddress.ip_address(name.strip("[]"))
    except ValueError:
        return False
    return True


def _from_our_page(headers: Headers, host: str) -> bool:
    """Browsers say where a request comes from; programs say nothing and carry no cookie of ours."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == host


def _dress(message: MutableMapping[str, Any], exchange: Exchange) -> None:
    own = {b"x-request-id": exchange.request_id.encode()}
    own |= {name.encode(): value.encode() for name, value in exchange.told.items()}
    headers = [one for one in message["headers"] if one[0] not in own]
    said = {name for name, _ in headers}
    standing = (one for one in STANDING if one[0] not in said)
    message["headers"] = [*headers, *own.items(), *standing]


def _bug() -> Turned:
    return Turned(
        500,
        "Failed",
        "Slipway made a mistake; it is in its log.",
        "Look for the request's id there, and report it.",
    )


async def _answer_problem(turned: Turned, exchange: Exchange, answer: Send) -> None:
    if exchange.status:
        # The response is under way: all that is left is to end it early.
        return
    kind = turned.body["title"]
    body = msgspec.json.encode(
        {
            "type": f"urn:slipway:{str(kind).lower().replace(' ', '-')}",
            **turned.body,
            "request_id": exchange.request_id,
        }
    )
    await answer(
        {
            "type": "http.response.start",
            "status": turned.status_code,
            "headers": [
                (b"content-type", b"application/problem+json"),
                (b"content-length", str(len(body)).encode()),
                # Its body may still be on the way; the connection cannot be used again.
                *([] if exchange.body_done else [(b"connection", b"close")]),
            ],
        }
    )
    await answer({"type": "http.response.body", "body": body})
