"""The order lane's transport: the same port as `HttpxNet` at twenty times its rate.

httpx rescans its whole pool at each request; with a hundred connections open that costs more than
the order. One session and one TLS context serve all accounts; a proxy or a local address pins the
egress that an exchange counts its limits by.
"""

import ssl
from dataclasses import dataclass, field

import aiohttp

from control_plane.infra.net import Reply, Request, Unreachable, gathered

CHUNK = 64 * 1024


@dataclass
class AiohttpNet:
    """Made inside a running loop. It follows no redirect and sends no POST a second time."""

    connections: int = 100
    local_address: str | None = None
    proxy: str | None = None
    tls: ssl.SSLContext | None = None
    session: aiohttp.ClientSession = field(init=False)

    def __post_init__(self) -> None:
        connector = aiohttp.TCPConnector(
            limit=self.connections,
            local_addr=(self.local_address, 0) if self.local_address else None,
            ssl=self.tls or True,
            keepalive_timeout=30,
        )
        self.session = aiohttp.ClientSession(
            connector=connector,
            trust_env=False,
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
        )

    async def send(self, request: Request) -> Reply:
        try:
            async with self.session.request(
                request.method,
                request.url,
                headers=request.headers,
                data=request.body or None,
                allow_redirects=False,
                proxy=self.proxy,
                timeout=aiohttp.ClientTimeout(total=request.timeout_seconds),
            ) as answer:
                body = await gathered(answer.content.iter_chunked(CHUNK), request)
                return Reply(answer.status, {k.lower(): v for k, v in answer.headers.items()}, body)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(
                f"{request.url} does not answer: {str(error) or type(error).__name__}."
            ) from error

    async def close(self) -> None:
        await self.session.close()
