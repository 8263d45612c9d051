"""Where nodes share no disk, a job gets its candles over the bus: its own, whole, no one else's."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import NoPermissionError

from control_plane.containers.access import JobRights
from control_plane.containers.candles import lay_out
from control_plane.containers.environment import BusAddress
from control_plane.containers.jobs import JobSpec
from control_plane.containers.models import Handle, Spec
from control_plane.containers.process.adapter import ProcessLauncher
from control_plane.core.ids import JobId
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.failpoints import Failpoints
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from strategy_runtime.feeds.resp import Address
from strategy_runtime.feeds.timing import timing
from strategy_runtime.jobs.candles import fetch
from strategy_runtime.launch import of_this_machine
from strategy_runtime.wire import CANDLES_PIECE_BYTES, names
from strategy_runtime.wire.candles import BadCandles
from tests.conftest import wait_until
from tests.integration.jobs.conftest import GOOD, Yard

pytestmark = [pytest.mark.redis, pytest.mark.timeout(120)]

JOB, PASSWORD = JobId("jbone"), "ab" * 32
START = "    def on_start(self):"
SLOW = GOOD.replace(START, f"{START}\n        import time; time.sleep(2)")


class Elsewhere(ProcessLauncher):
    """As on another machine: none of our files is there."""

    @property
    def shows_files(self) -> bool:
        return False

    async def launch(self, spec: Spec) -> Handle:
        assert isinstance(spec, JobSpec)
        assert spec.candles_bytes == spec.candles.stat().st_size
        return await super().launch(replace(spec, candles=self.folder / spec.candles.name))


@pytest.fixture
async def far_yard(
    rows: Database, bus: Bus, redis_server: EmbeddedServer, tmp_path: Path
) -> AsyncIterator[Yard]:
    clock = RealClock()
    points = Failpoints(clock)
    address = BusAddress(socket=str(redis_server.socket_path))
    launcher = Elsewhere("test", tmp_path / "containers", address, clock, points)
    await rows.write(market.list_instruments, [x.instrument for x in LISTINGS], "simulated")
    yield Yard(rows, bus, launcher, tmp_path / "candles", "test", points=points)
    for found in await launcher.list_jobs():
        await launcher.remove(found.handle)


async def candles_on(bus: Bus) -> list[bytes]:
    return [key async for key in bus.client.scan_iter("candles:*")]


async def test_a_job_runs_over_them_and_they_go_with_it(far_yard: Yard, bus: Bus) -> None:
    async with far_yard.sails():
        job = await far_yard.add(SLOW)
        await wait_until(lambda: far_yard.left_is(1), 20, "its process")
        assert await candles_on(bus) == [names.job_candles(job).encode()]

        found = await far_yard.over(job)

        assert (found.state, found.reason) == ("done", "")
        assert (await far_yard.headline(job))["metrics"]["bars"] == 600
        await wait_until(lambda: far_yard.left_is(0), 10, "its removal")

        async def is_gone() -> bool:
            return await candles_on(bus) == []

        await wait_until(is_gone, 10, "the end of its candles")


async def test_a_bus_that_was_lost_gets_them_again(far_yard: Yard, bus: Bus) -> None:
    async with far_yard.sails():
        job = await far_yard.add(SLOW)
        await wait_until(lambda: far_yard.left_is(1), 20, "its process")
        await bus.client.flushall()

        async def are_there() -> bool:
            return await candles_on(bus) == [names.job_candles(job).encode()]

        await wait_until(are_there, 10, "its candles")
        assert (await far_yard.over(job)).state == "done"


@pytest.fixture
async def alone(far_yard: Yard, redis_server: EmbeddedServer) -> Address:
    """A job's user, as its process has it."""
    rights = JobRights(JOB, sha256(PASSWORD.encode()).hexdigest())
    await far_yard.access.grant(rights, "{}")
    return Address(path=str(redis_server.socket_path), user=rights.user, password=PASSWORD)


async def test_whoever_comes_first_waits_for_all_of_them(
    alone: Address, bus: Bus, tmp_path: Path
) -> None:
    file, got = tmp_path / "large.candles", tmp_path / "got"
    file.write_bytes(bytes(range(256)) * (5 * CANDLES_PIECE_BYTES // 256) + b"odd")
    async with asyncio.TaskGroup() as group:
        asking = group.create_task(
            fetch(alone, names.job_candles(JOB), got, timing(1.0), of_this_machine())
        )
        await asyncio.sleep(0.3)
        assert not asking.done()
        await lay_out(bus, JOB, file)

    assert got.read_bytes() == file.read_bytes()
    assert await candles_on(bus) == [names.job_candles(JOB).encode()], "no part is left"


async def test_they_are_for_their_job_alone(alone: Address, bus: Bus, tmp_path: Path) -> None:
    other = JobId("jbother")
    key = names.job_candles(other)
    file = tmp_path / "theirs.candles"
    file.write_bytes(b"prices")
    await lay_out(bus, other, file)
    client = Redis(unix_socket_path=alone.path, username=alone.user, password=PASSWORD)

    for command in ("LLEN", "GET"):
        with pytest.raises(NoPermissionError):
            await client.execute_command(command, key)  # type: ignore[no-untyped-call]
    with pytest.raises(NoPermissionError):
        await client.rpush(names.job_candles(JOB), b"mine")
    await client.aclose()
    with pytest.raises(BadCandles, match=r"candles:job:jbother cannot be read: NOPERM"):
        await fetch(alone, key, tmp_path / "got", timing(0.01), of_this_machine())


async def test_those_that_never_come_are_named(alone: Address, tmp_path: Path) -> None:
    key = names.job_candles(JOB)
    with pytest.raises(BadCandles, match="candles:job:jbone cannot be read: it is not there"):
        await fetch(alone, key, tmp_path / "got", timing(0.01), of_this_machine())
