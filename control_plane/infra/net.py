"""HTTP to the outside, as one method: a seeded run or a test replaces the network with a
function.
"""

from collections.abc import Mapping
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
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    timeout_seconds: float = 10.0


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
            answer = await self.client.request(
                request.method,
                request.url,
                headers=dict(request.headers),
                content=request.body,
                timeout=request.timeout_seconds,
            )
        except httpx.HTTPError as error:
            raise Unreachable(
                f"{request.url} does not answer: {str(error) or type(error).__name__}."
            ) from error
        return Reply(answer.status_code, dict(answer.headers), answer.content)

    async def close(self) -> None:
        await self.client.aclose()
