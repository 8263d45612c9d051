"""The bus over a real Redis-protocol server."""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable

import pytest
from redis.exceptions import RedisError

from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer

pytestmark = pytest.mark.redis


async def _ping(bus: Bus) -> None:
    await bus.client.ping()


async def _pipe(bus: Bus) -> None:
    pipe = bus.client.pipeline(transaction=False)
    pipe.set("a", "b")
    await pipe.execute()


@pytest.mark.parametrize("talk", [_ping, _pipe])
async def test_a_cancelled_task_ends_wherever_in_a_round_trip_it_was(
    bus: Bus, talk: Callable[[Bus], Awaitable[None]]
) -> None:
    for steps in range(60):
        await bus.client.ping()  # a connection at hand, so that each round begins alike

        async def endless() -> None:
            while True:
                await talk(bus)

        task = asyncio.ensure_future(endless())
        for _ in range(steps):
            await asyncio.sleep(0)
        task.cancel()
        done, _ = await asyncio.wait([task], timeout=1)
        assert done, f"cancelled after {steps} steps, it went on"


async def test_a_server_that_hangs_is_given_up(redis_server: EmbeddedServer) -> None:
    impatient = Bus(redis_server.url, RealClock(), answer_seconds=0.2)
    await impatient.client.ping()
    pid = int((redis_server.data_dir / "redis.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    try:
        with pytest.raises((RedisError, OSError)):
            await impatient.client.ping()
    finally:
        os.kill(pid, signal.SIGCONT)

    assert await impatient.client.ping()
    await impatient.close()
