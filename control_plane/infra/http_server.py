"""The web server as one task among the others: it takes no signals and ends when it is told."""

import errno
import socket  # noqa: TID251 # the listening side; Net is the calling one
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn
from starlette.types import ASGIApp

from control_plane.errors import Unavailable

STOP_SECONDS = 3
BACKLOG = 512
LARGEST_FRAME = 64 * 1024
PING_SECONDS = 20.0
UNREAD_SECONDS = 60  # bytes that a peer takes no longer are given up, with its connection


class NotListening(Unavailable):
    """The address is taken, not ours, or not allowed."""


class HttpServer:
    """Listens from the moment it is made, so that a taken port is known before anything starts."""

    def __init__(self, host: str, port: int) -> None:
        self.host = host
        self._socket = _listen(host, port)
        self.port = int(self._socket.getsockname()[1])  # 0 asks for any
        self._server: _Server | None = None
        self._stopped = False

    @property
    def address(self) -> str:
        """Where a browser on this machine finds us."""
        name = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104 # compared, not bound
        return f"http://[{name}]:{self.port}" if ":" in name else f"http://{name}:{self.port}"

    async def run(self, app: ASGIApp) -> None:
        """Serve until `stop`."""
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            ws="websockets-sansio",
            ws_max_size=LARGEST_FRAME,
            ws_per_message_deflate=False,  # a small frame must not unpack into a large one
            ws_ping_interval=PING_SECONDS,
            ws_ping_timeout=PING_SECONDS,
            limit_concurrency=BACKLOG,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
        self._server = _Server(config)
        self._server.should_exit = self._stopped
        try:
            await self._server.serve(sockets=[self._socket])
        finally:
            self._socket.close()

    def stop(self) -> None:
        self._stopped = True
        if self._server is not None:
            self._server.should_exit = True

    def close(self) -> None:
        """For a start that failed before `run`."""
        self._socket.close()


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are main's: it stops everything in order, the server among it."""
        yield


def _listen(host: str, port: int) -> socket.socket:
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listening = socket.create_server((host, port), family=family, backlog=BACKLOG)
        # Connections inherit both. asyncio sets the first only on sockets that say they are TCP,
        # which these do not: an answer's body would wait 40 ms for the peer to have seen its head.
        # And a peer that stops reading would hold a connection for ever.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, UNREAD_SECONDS * 1000)
        return listening
    except socket.gaierror as error:
        raise NotListening(
            f"{host!r} is no address of this machine.",
            field="SLIPWAY_HOST",
            remedy="Set SLIPWAY_HOST to 127.0.0.1, or to one of its own addresses.",
        ) from error
    except OSError as error:
        raise _refusal(host, port, error) from error


def _refusal(host: str, port: int, error: OSError) -> NotListening:
    match error.errno:
        case errno.EADDRINUSE:
            return NotListening(
                f"Port {port} on {host} is taken by another program.",
                field="SLIPWAY_PORT",
                remedy="Set SLIPWAY_PORT (or --port) to another one, or end that program.",
            )
        case errno.EACCES:
            return NotListening(
                f"Port {port} on {host} is for the superuser.",
                field="SLIPWAY_PORT",
                remedy="Set SLIPWAY_PORT (or --port) to one above 1023.",
            )
        case _:
            return NotListening(
                f"{host} port {port} cannot be listened on: {error.strerror}.",
                field="SLIPWAY_HOST",
                remedy="Set SLIPWAY_HOST and SLIPWAY_PORT to an address of this machine.",
            )
