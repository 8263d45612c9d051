from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from control_plane.infra.embedded import EmbeddedServer
from tests.integration.runtime.harbour import Harbour


@pytest.fixture
async def harbour(redis_server: EmbeddedServer) -> AsyncIterator[Harbour]:
    redis = Redis.from_url(redis_server.url)
    made = Harbour(redis_server, redis)
    await made.furnish()
    await made.listen()
    yield made
    await made.close()
    await redis.aclose()
