"""A job's candles on the bus, for nodes that share no disk with us: the file as a list of pieces
that its job alone may read. Its task says what they hash to.
"""

import asyncio
from pathlib import Path

from redis.exceptions import OutOfMemoryError, RedisError

from control_plane.containers.errors import LaunchFailed
from control_plane.core.ids import JobId
from control_plane.infra.bus import Bus, BusUnavailable
from strategy_runtime.wire import CANDLES_PIECE_BYTES, names


async def lay_out(bus: Bus, job: JobId, file: Path) -> None:
    """Whole or not at all. A job's that are there stay as they are."""
    key = names.job_candles(job)
    part, client = f"{key}:part", bus.client
    try:
        if await client.exists(key):
            return
        data = await asyncio.to_thread(file.read_bytes)
        await client.unlink(part)
        for at in range(0, len(data), CANDLES_PIECE_BYTES):
            await client.rpush(part, data[at : at + CANDLES_PIECE_BYTES])
        await client.rename(part, key)
    except OutOfMemoryError as error:
        raise LaunchFailed(
            "Redis has no room left for the candles of this job.",
            remedy="Raise its maxmemory, or set SLIPWAY_FLEET__CANDLES_VOLUME.",
        ) from error
    except (RedisError, OSError) as error:
        raise BusUnavailable(f"The candles cannot be laid out on Redis: {error}.") from error
