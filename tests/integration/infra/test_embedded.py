"""The private server: adopted by a restart, replaced when dead, shut by its password."""

import os
import signal
import stat

import pytest
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.rng import SystemRng

pytestmark = pytest.mark.redis


async def test_a_restart_adopts_the_live_server(redis_server: EmbeddedServer) -> None:
    pid = (redis_server.data_dir / "redis.pid").read_text()
    again = EmbeddedServer(redis_server.data_dir, RealClock(), SystemRng())

    assert await again.start() == redis_server.url
    assert (redis_server.data_dir / "redis.pid").read_text() == pid


async def test_a_killed_server_is_replaced(redis_server: EmbeddedServer) -> None:
    assert not await redis_server.revive()
    folder = redis_server.folder.stat().st_ino
    os.kill(int((redis_server.data_dir / "redis.pid").read_text()), signal.SIGKILL)
    await RealClock().sleep(0.1)

    assert await redis_server.revive()
    assert redis_server.folder.stat().st_ino == folder, "containers have this one mounted"
    async with Redis.from_url(redis_server.url) as client:
        assert await client.dbsize() == 0


async def test_nobody_enters_without_the_password(redis_server: EmbeddedServer) -> None:
    async with Redis.from_url(f"unix://{redis_server.socket_path}") as client:
        with pytest.raises(RedisError, match=r"(?i)auth"):
            await client.set("a", "b")


async def test_secrets_are_readable_by_their_owner_alone(redis_server: EmbeddedServer) -> None:
    for path in (
        redis_server.data_dir / "redis.password",
        redis_server.data_dir / "redis/redis.conf",
    ):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(redis_server.folder.stat().st_mode) == 0o711
    assert [path.name for path in redis_server.folder.iterdir()] == ["redis.sock"]
