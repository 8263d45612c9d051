"""Jobs on a real engine: what they see, how they are ended, and what hostile ones get."""

import asyncio
from hashlib import sha256
from typing import Any

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from control_plane.containers.access import JobRights
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.core.ids import JobId
from control_plane.infra.bus import Bus
from control_plane.infra.failpoints import Arming, FailpointRaised
from strategy_runtime.wire import jobs as said
from strategy_runtime.wire import names
from tests.conftest import wait_until
from tests.integration.jobs.conftest import GOOD, ME, Yard, starting

pytestmark = [pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(240)]

# By hand, past the harness: what code may do that has found its own address.
FRAMES = """
import asyncio, gc, time
from strategy_runtime.jobs.voice import Voice
from strategy_runtime.wire import jobs as said, names
voice = next(o for o in gc.get_objects() if isinstance(o, Voice))
loop = next(o for o in gc.get_objects() if isinstance(o, asyncio.BaseEventLoop))
run = voice._run

def publish(frame):
    call = voice._mouth.call("PUBLISH", names.job_up(voice._job), frame)
    return asyncio.run_coroutine_threadsafe(call, loop)
"""


FLOOD = """
for n in range(20_000):
    publish(b"x" * 10)
time.sleep(30)
"""
MANY_CHUNKS = """
publish(said.encode(said.JobChunk(run, 10**6, b"x"))).result(5)
time.sleep(30)
"""
BOMB = """
import hashlib, zlib
bomb = zlib.compress(b"0" * 64_000_000, 9)
pieces = [bomb[at : at + 30_000] for at in range(0, len(bomb), 30_000)]
for n, piece in enumerate(pieces):
    publish(said.encode(said.JobChunk(run, n, piece))).result(5)
    time.sleep(0.2)
digest = hashlib.sha256(bomb).hexdigest()
publish(said.encode(said.JobDone(run, len(pieces), len(bomb), digest))).result(5)
time.sleep(30)
"""
ESCAPES = """
publish(said.encode(said.JobFailed(run, 0, "mine\\x1b[31m"))).result(5)
time.sleep(30)
"""
HOSTILE: dict[str, tuple[str, dict[str, Any], str]] = {
    "memory": (
        "held = [bytearray(b'x' * 4_000_000) for _ in range(200)]",
        {"memory_mb": 128},
        "killed: used more than 128 MB",
    ),
    "endless": ("while True: pass", {"seconds": 6}, "took longer than 6 s"),
    "exit": ("import os; os._exit(0)", {}, "ended without a result"),
    "flood": (
        FRAMES + FLOOD,
        {},
        "it sent more than a container may: 50 frames or 1 MB a second",
    ),
    "chunks": (FRAMES + MANY_CHUNKS, {}, "Its result is larger than 4 MB."),
    "bomb": (FRAMES + BOMB, {}, "Its result is larger than 4 MB."),
    "escapes": (FRAMES + ESCAPES, {}, "mine [31m"),
}


async def test_one_of_each_kind_hands_its_result_in(yard: Yard) -> None:
    async with yard.sails():
        version = await yard.strategies.upload(ME, "good", GOOD)
        job = await yard.add()
        wish = {"method": "optuna", "trials": 4, "least_trades": 1}
        search = await yard.add(kind="optimise", search=wish, cpus=2.0)  # a process each

        assert (await yard.checked(version)).state == "passed"
        tried = await yard.over(search)
        assert (tried.state, tried.reason) == ("done", "")
        assert (await yard.headline(search))["tried"] > 0
        found = await yard.over(job)
        assert (found.state, found.reason) == ("done", "")
        assert (await yard.headline(job))["metrics"]["trades"] > 0
        await wait_until(lambda: yard.left_is(0), 15, "their removal")
    assert await job_users(yard.bus) == []


async def test_a_job_sees_its_candles_and_its_own_channels_alone(yard: Yard) -> None:
    """One candle file, read only, beside the bus; and a user that may do nothing else."""
    slow = starting("import time; time.sleep(60)")
    async with yard.sails():
        job = await yard.add(slow)
        launcher = yard.launcher
        assert isinstance(launcher, DockerLauncher)

        async def runs() -> bool:
            return [one.state for one in await launcher.list_jobs()] == ["running"]

        await wait_until(runs, 20, "its container")
        (found,) = await launcher.list_jobs()
        inside: dict[str, Any] = await launcher.engine.call("inspect_container", found.handle)
        mounts = sorted((m["Destination"], m["RW"]) for m in inside["Mounts"])
        name = (await yard.job(job)).candles_sha256
        assert mounts == [(f"/run/candles/{name}.candles", False), ("/run/slipway", False)]
        assert inside["HostConfig"]["NetworkMode"] == "none"
        await yard.cancel(job)
        await wait_until(lambda: yard.left_is(0), 15, "its removal")


async def test_a_chunk_for_another_job_is_refused_by_the_bus(yard: Yard) -> None:
    job, other, password = JobId("jbone"), JobId("jbother"), "ab" * 32
    await yard.access.grant(JobRights(job, sha256(password.encode()).hexdigest()), "{}")
    path = yard.bus.client.connection_pool.connection_kwargs["path"]
    client = Redis(unix_socket_path=path, username=names.job_user(job), password=password)
    forged = said.encode(said.JobChunk("run", 0, b"forged"))

    await client.publish(names.job_up(job), forged)
    for channel in (names.job_up(other), names.job_down(job), names.up("dp1", 1)):
        with pytest.raises(NoPermissionError):
            await client.publish(channel, forged)
    with pytest.raises(NoPermissionError):
        await client.get(names.job_boot(other))
    with pytest.raises(NoPermissionError):
        await client.set(names.job_boot(job), b"{}")
    await client.aclose()
    await yard.access.revoke_job(job)


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_job_ends_with_a_sentence_beside_one_that_is_not_disturbed(
    yard: Yard, name: str
) -> None:
    code, changes, reason = HOSTILE[name]
    async with yard.sails():
        hostile = await yard.add(starting(code), **changes)
        calm = await yard.add()

        found = await yard.over(hostile)
        assert (found.state, found.fault, found.reason) == ("failed", "strategy", reason)
        assert (await yard.over(calm)).state == "done"
        await wait_until(lambda: yard.left_is(0), 15, "their removal")
    assert await job_users(yard.bus) == []


@pytest.mark.parametrize("point", ["job.before_create", "job.after_create", "job.after_start"])
async def test_broken_off_at_each_point_of_its_launch_it_is_run_once(
    yard: Yard, point: str
) -> None:
    """As a kill there would leave it: the next look makes one result of it."""
    yard.points.armed[point] = Arming("raise")
    job = await yard.add()
    await yard.fleet.once()
    with pytest.raises(ExceptionGroup) as broken:
        await yard.runner.settle()
    assert broken.group_contains(FailpointRaised)
    yard.points.armed.clear()

    async with yard.sails():
        found = await yard.over(job)

        assert found.state == "done"
        await wait_until(lambda: yard.left_is(0), 15, "its removal")


async def test_redis_lost_while_it_runs_costs_nothing(yard: Yard) -> None:
    async with yard.sails():
        job = await yard.add(starting("import time; time.sleep(3)"))
        await wait_until(lambda: yard.left_is(1), 20, "its container")
        await yard.bus.client.flushall()
        await yard.bus.client.execute_command("ACL", "DELUSER", names.job_user(job))  # type: ignore[no-untyped-call]

        found = await yard.over(job)

    assert (found.state, found.attempt) == ("done", 1)


async def job_users(bus: Bus) -> list[str]:
    await asyncio.sleep(0)
    found = await bus.client.execute_command("ACL", "USERS")  # type: ignore[no-untyped-call]
    return [name.decode() for name in found if name.startswith(b"job-")]
