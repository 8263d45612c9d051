"""Sends calls, reads answers, goes through pages; with threads in mind or with asyncio.

A call that failed on its way is sent again only where that cannot do it twice: a read, or a write
that carries an Idempotency-Key, which every write does that takes one.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar
from uuid import uuid4

import httpx

from control_plane.client.call import Call, Items
from control_plane.client.errors import Refused, Unreachable, refusal

T = TypeVar("T")

PREFIX = "/api/v1"
KEY = "Idempotency-Key"
TIMEOUT_SECONDS = 30.0
TRIES = 4
FIRST_WAIT_SECONDS = 0.25
LONGEST_WAIT_SECONDS = 30.0
PASSING = {429, 502, 503, 504}  # it may well be answered a little later


@dataclass(frozen=True)
class _Envelope:
    """What is the same in both ways of sending."""

    address: str
    token: str = field(repr=False)
    tries: int  # beyond the first

    def request(self, call: Call[Any], key: str | None) -> httpx.Request:
        headers = {"Accept": "application/json", **call.headers}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        if call.takes_key:
            headers[KEY] = key or str(uuid4())
        content = None
        if call.body is not None:
            headers["Content-Type"] = "application/json"
            content = json.dumps(call.body, default=_plain).encode()
        query = {name: _spelled(value) for name, value in call.query.items()}
        prefix = "" if call.path.startswith(("/health", "/status.json")) else PREFIX
        return httpx.Request(
            call.method,
            f"{self.address.rstrip('/')}{prefix}{call.path}",
            params=query or None,
            headers=headers,
            content=content,
            extensions={"timeout": httpx.Timeout(TIMEOUT_SECONDS).as_dict()},
        )

    def read(self, answer: httpx.Response) -> Any:
        told = _told(answer)
        if answer.status_code < 400:
            return told
        after = answer.headers.get("retry-after", "")
        body = told if isinstance(told, dict) else {}
        raise refusal(answer.status_code, body, int(after) if after.isdecimal() else 0)

    def wait(self, call: Call[Any], error: Refused | Unreachable, tried: int) -> float:
        """Before it is sent again. Raises what is final."""
        if not call.is_repeatable or tried >= self.tries:
            raise error
        asked = 0
        if isinstance(error, Refused):
            is_under_way = error.status == 409 and error.retry_seconds > 0
            if error.status not in PASSING and not is_under_way:
                raise error
            asked = error.retry_seconds
        if asked > LONGEST_WAIT_SECONDS:
            raise error
        return max(float(asked), FIRST_WAIT_SECONDS * 2.0**tried)

    def unreachable(self, error: httpx.HTTPError) -> Unreachable:
        return Unreachable(
            f"The Slipway at {self.address} does not answer: {str(error) or type(error).__name__}.",
            remedy="Look whether it runs, and at its address.",
        )


class Client:
    """`with Client(address, token) as slipway: slipway.send(list_accounts())`."""

    def __init__(
        self,
        address: str,
        token: str = "",
        *,
        transport: httpx.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
        tries: int = TRIES,
    ) -> None:
        self._envelope = _Envelope(address, token, tries)
        self._sleep = sleep
        self._http = httpx.Client(transport=transport, trust_env=False)

    def __enter__(self) -> "Client":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def send(self, call: Call[T], *, key: str | None = None) -> T:
        """What the call is answered with; `key` is for a repeat that outlives this process."""
        request, tried = self._envelope.request(call, key), 0
        while True:
            try:
                answer: T = self._once(request)
                return answer
            except (Refused, Unreachable) as error:
                self._sleep(self._envelope.wait(call, error, tried))
                tried += 1

    def each(self, call: Call[Items[T]]) -> Iterator[T]:
        """Every row of a list, page after page."""
        while True:
            page = self.send(call)
            yield from page["items"]
            if page["next_cursor"] is None:
                return
            call = _next(call, page["next_cursor"])

    def _once(self, request: httpx.Request) -> Any:
        try:
            answer = self._http.send(request)
        except httpx.HTTPError as error:
            raise self._envelope.unreachable(error) from error
        return self._envelope.read(answer)


class AsyncClient:
    """The same under asyncio: `await slipway.send(…)`, `async for row in slipway.each(…)`."""

    def __init__(
        self,
        address: str,
        token: str = "",
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tries: int = TRIES,
    ) -> None:
        self._envelope = _Envelope(address, token, tries)
        self._sleep = sleep
        self._http = httpx.AsyncClient(transport=transport, trust_env=False)

    @property
    def address(self) -> str:
        return self._envelope.address

    @property
    def token(self) -> str:
        return self._envelope.token

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._http.aclose()

    async def send(self, call: Call[T], *, key: str | None = None) -> T:
        request, tried = self._envelope.request(call, key), 0
        while True:
            try:
                answer: T = await self._once(request)
                return answer
            except (Refused, Unreachable) as error:
                await self._sleep(self._envelope.wait(call, error, tried))
                tried += 1

    async def each(self, call: Call[Items[T]]) -> AsyncIterator[T]:
        while True:
            page = await self.send(call)
            for row in page["items"]:
                yield row
            if page["next_cursor"] is None:
                return
            call = _next(call, page["next_cursor"])

    async def _once(self, request: httpx.Request) -> Any:
        try:
            answer = await self._http.send(request)
        except httpx.HTTPError as error:
            raise self._envelope.unreachable(error) from error
        return self._envelope.read(answer)


def _next(call: Call[T], cursor: str) -> Call[T]:
    return replace(call, query={**call.query, "cursor": cursor})


def _told(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return answer.json()
    except ValueError:
        return None  # of a proxy, and no answer of Slipway's


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{value!r} is no JSON")


def _spelled(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
