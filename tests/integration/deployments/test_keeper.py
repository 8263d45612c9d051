"""Rights on the bus: made with each generation, taken with it, made again when Redis was lost."""

import asyncio

import pytest
from redis.exceptions import RedisError

from control_plane.deployments.worker.keeper import LOOK_SECONDS, Keeper
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from tests.conftest import wait_until
from tests.integration.deployments.conftest import Harbour, connect_as

pytestmark = pytest.mark.redis


async def _gone(harbour: Harbour, server: EmbeddedServer) -> None:
    """The server is killed, and an empty one takes its place."""
    await server.stop()
    await server.revive()
    assert await harbour.users() == set()


async def test_redis_that_was_lost_has_its_users_again(
    harbour: Harbour, redis_server: EmbeddedServer
) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.keeper.once()
    (spec,) = harbour.engine.launched
    boot = await harbour.bus.client.get(f"boot:{one.id}:1")

    await _gone(harbour, redis_server)
    await harbour.keeper.once()

    assert await harbour.users() == {f"dep-{one.id}-g1"}
    client = await connect_as(harbour.bus, f"dep-{one.id}-g1", spec.password)
    assert await client.get(f"boot:{one.id}:1") == boot
    await client.aclose()


async def test_it_is_noticed_by_itself(harbour: Harbour, redis_server: EmbeddedServer) -> None:
    await harbour.deploy()
    await harbour.settle()
    keeper = Keeper(harbour.db, RealClock(), harbour.leases, harbour.access)
    async with asyncio.TaskGroup() as group:
        running = group.create_task(keeper.run())
        await wait_until(harbour.access.is_marked, 5, "the first mark")
        await redis_server.stop()
        await redis_server.revive()
        await wait_until(harbour.users, 10, "the users")
        running.cancel()


def test_it_looks_twice_a_second() -> None:
    assert LOOK_SECONDS <= 0.5


async def test_a_server_that_is_known_is_left_alone(harbour: Harbour) -> None:
    await harbour.deploy()
    await harbour.settle()
    await harbour.keeper.once()
    user = next(iter(await harbour.users()))
    await harbour.bus.client.execute_command("ACL", "DELUSER", user)  # type: ignore[no-untyped-call]

    await harbour.keeper.once()

    assert await harbour.users() == set()


async def test_what_a_crash_left_behind_is_swept_and_strangers_are_not(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    for user in (f"dep-{one.id}-g9", "dep-stranger-g1", "somebody"):
        await harbour.bus.client.execute_command("ACL", "SETUSER", user, "on")  # type: ignore[no-untyped-call]

    await harbour.keeper.once()

    assert await harbour.users() == {f"dep-{one.id}-g1", "dep-stranger-g1"}


async def test_a_user_that_is_taken_loses_its_connections_at_once(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    (spec,) = harbour.engine.launched
    client = await connect_as(harbour.bus, f"dep-{one.id}-g1", spec.password)

    await harbour.access.revoke(one.id, 1)

    with pytest.raises(RedisError):
        await client.get(f"boot:{one.id}:1")
    await client.aclose()


async def test_making_a_user_again_cuts_nobody_off(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    (spec,) = harbour.engine.launched
    client = await connect_as(harbour.bus, f"dep-{one.id}-g1", spec.password)
    async with client.pubsub() as ear:
        await ear.subscribe(f"down:{one.id}:1")
        await ear.get_message(timeout=1)

        await harbour.keeper.once()
        await harbour.bus.client.publish(f"down:{one.id}:1", b"still there")

        message = await ear.get_message(timeout=2)
        assert message is not None
        assert message["data"] == b"still there"
    await client.aclose()
