"""`slipway login --google`: the browser signs in, and comes back to this machine alone (RFC 8252).

What it brings is worth nothing without the verifier, which has never left this process: whoever
reads the redirect has read a number.
"""

import asyncio
import re
import webbrowser
from asyncio import Future, StreamReader, StreamWriter
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlencode

from control_plane.errors import Unavailable

WAIT_SECONDS = 300.0
READ_SECONDS = 5.0
BROUGHT = re.compile(rb"GET /\?claim=([A-Za-z0-9_-]{43}) HTTP/1\.[01]\r\n")
PAGE = b"You are signed in. Close this page and go back to the terminal.\n"
NOTHING = b"There is nothing here.\n"


class NobodyCame(Unavailable):
    """The browser did not come back in time."""


def claimed(
    at: str,
    say: Callable[[str], None],
    show: Callable[[str], object] = webbrowser.open,
    wait_seconds: float = WAIT_SECONDS,
) -> tuple[str, str]:
    """What the browser brings, and the verifier that makes it worth something."""
    from control_plane.infra.rng import SystemRng
    from control_plane.sessions.models.openid import challenge
    from control_plane.sessions.models.tokens import secret

    verifier = secret(SystemRng())

    async def wait() -> str:
        came: Future[str] = asyncio.get_running_loop().create_future()

        async def hear(reader: StreamReader, writer: StreamWriter) -> None:
            await _answer(reader, writer, came)

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        query = urlencode({"port": port, "challenge": challenge(verifier)})
        address = f"{at}/api/v1/sign-in/google?{query}"
        say(f"Sign in in your browser, at\n\n  {address}\n")
        show(address)
        try:
            async with asyncio.timeout(wait_seconds):
                return await came
        except TimeoutError as error:
            raise NobodyCame(
                "The browser did not come back.", remedy="Run the command again."
            ) from error
        finally:
            server.close()

    return asyncio.run(wait()), verifier


async def _answer(reader: StreamReader, writer: StreamWriter, came: "Future[str]") -> None:
    with suppress(TimeoutError, ValueError, OSError):
        async with asyncio.timeout(READ_SECONDS):
            found = BROUGHT.fullmatch(await reader.readline())
        status, text = (b"200 OK", PAGE) if found else (b"404 Not Found", NOTHING)
        writer.write(
            b"HTTP/1.1 %s\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n"
            b"Cache-Control: no-store\r\nContent-Length: %d\r\n\r\n%s" % (status, len(text), text)
        )
        await writer.drain()
        if found and not came.done():
            came.set_result(found[1].decode())
    writer.close()
