"""HTTP to the outside, as one method: a seeded run or a test replaces the network with a
function.
"""

import ssl
from collections.abc import AsyncIterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from control_plane.errors import Unavailable


class Unreachable(Unavailable):
    """No answer came. Whether the request arrived is not known."""


@dataclass(frozen=True)
class Request:
    method: str
    url: str
    # Both hold proofs: printed, or in a trace, they would be good for as long as their window.
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)
    timeout_seconds: float = 10.0
    max_reply_bytes: int = 32 * 1024 * 1024  # a longer answer is none
    server_name: str = ""  # whose certificate it must be, where the URL has an address instead
    as_sent: bool = False  # unpacked by nobody: a short answer may unpack into a long one


@dataclass(frozen=True)
class Reply:
    status: int
    headers: Mapping[str, str]
    body: bytes


class Net(Protocol):
    async def send(self, request: Request) -> Reply: ...


@dataclass
class HttpxNet:
    """The real one. It follows no redirect and repeats nothing: a library's retry is a hidden
    second send.
    """

    client: httpx.AsyncClient = field(
        default_factory=lambda: httpx.AsyncClient(follow_redirects=False, trust_env=False)
    )

    async def send(self, request: Request) -> Reply:
        try:
            async with self.client.stream(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=request.timeout_seconds,
                extensions={"sni_hostname": request.server_name} if request.server_name else None,
            ) as answer:
                chunks = answer.aiter_raw() if request.as_sent else answer.aiter_bytes()
                body = await gathered(chunks, request)
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{request.url} does not answer: {str(error) or type(error).__name__}."
            ) from error
        return Reply(answer.status_code, dict(answer.headers), body)

    async def close(self) -> None:
        await self.client.aclose()


def unpooled(trusts: ssl.SSLContext | None = None) -> HttpxNet:
    """One that keeps no connection for the next request: that may be for another name at the same
    address, which nobody has proved there.
    """
    return HttpxNet(
        httpx.AsyncClient(
            verify=trusts or ssl.create_default_context(),
            follow_redirects=False,
            trust_env=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )
    )


async def gathered(chunks: AsyncIterable[bytes], request: Request) -> bytes:
    """The body, as long as it stays within what the caller is ready to hold."""
    body = bytearray()
    async for chunk in chunks:
        body += chunk
        if len(body) > request.max_reply_bytes:
            raise Unreachable(f"{request.url} answers with more than was asked for.")
    return bytes(body)
