"""Who sees the database and not the exchange (H5): its shards go to a process that sees both."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from functools import partial

import pytest

from control_plane.brokers.coindcx import public
from control_plane.brokers.coindcx.lookout import Lookout
from control_plane.brokers.coindcx.opening import NoKeys, open_lanes
from control_plane.brokers.coindcx.outcomes import Unknown
from control_plane.brokers.coindcx.sight import Sight
from control_plane.core.clock import Clock
from control_plane.core.ids import SHARDS
from control_plane.infra.db import Database
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.leases import Leases
from control_plane.settings import CoinDcxSettings
from tests.coindcx_sim.process import Served, served
from tests.conftest import wait_until

pytestmark = [pytest.mark.db, pytest.mark.timeout(120)]

SCALE = 0.05  # blind after 1.5 s, a lease for 0.75 s


@dataclass
class Strait:
    """What lies between a process and the exchange. Closed, nobody gets through."""

    to: tuple[str, int]
    port: int = 0
    _server: asyncio.Server | None = None
    _open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._pass, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self._server is None:
            return
        self._server.close()
        for writer in list(self._open):
            writer.close()
        await self._server.wait_closed()
        self._server = None

    async def _pass(self, there: asyncio.StreamReader, back: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            answers, asked = await asyncio.open_connection(*self.to)
            ends = {back, asked}
            self._open |= ends
            try:
                async with asyncio.TaskGroup() as group:
                    group.create_task(self._pump(there, asked))
                    group.create_task(self._pump(answers, back))
            finally:
                self._open -= ends

    async def _pump(self, source: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await source.read(65_536):
                to.write(data)
                await to.drain()
        to.close()


@dataclass
class Owner:
    """A trading role with its own way to the exchange, and its loops."""

    leases: Leases
    strait: Strait
    lookout: Lookout

    async def asks(self) -> bool:
        return not isinstance(await self.lookout.lanes.look(public.conversions()), Unknown)


@pytest.fixture(scope="module")
def venue() -> Iterator[Served]:
    with served("--no-limits") as found:
        yield found


@pytest.fixture
async def owners(
    database: Database, real_clock: Clock, venue: Served
) -> AsyncIterator[tuple[Owner, Owner]]:
    host, _, port = venue.url.removeprefix("http://").partition(":")
    async with AsyncExitStack() as stack:
        made = []
        for name in ("one", "other"):
            strait = Strait((host, int(port)))
            await strait.open()
            url = f"http://127.0.0.1:{strait.port}"
            section = CoinDcxSettings(api_url=url, public_url=url)
            ways = open_lanes(NoKeys(), real_clock, section, SCALE)
            stack.push_async_callback(ways.close)
            stack.push_async_callback(strait.close)
            points = Failpoints(real_clock)
            leases = Leases("trading", name, "", database, real_clock, points, SCALE)
            leases.is_able = partial(_sees, ways.sight)
            lookout = Lookout(ways.lanes, ways.sight, real_clock, SCALE)
            made.append(Owner(leases, strait, lookout))
        group = await stack.enter_async_context(asyncio.TaskGroup())
        for one in made:
            for run in (one.leases.run, one.lookout.run):
                stack.callback(group.create_task(run()).cancel)
        yield made[0], made[1]


def _sees(sight: Sight) -> bool:
    return not sight.is_lost


async def held(*owners: Owner) -> list[int]:
    return [len(one.leases.owned()) for one in owners]


async def test_h5_a_blind_owner_leaves_its_shards_to_one_that_sees(
    owners: tuple[Owner, Owner],
) -> None:
    one, other = owners

    async def share() -> bool:
        return await held(*owners) == [SHARDS // 2] * 2

    async def the_other_has_all() -> bool:
        return await held(*owners) == [0, SHARDS]

    assert await one.asks()
    assert await other.asks()
    await wait_until(share, 20, "a fair share of each")

    await one.strait.close()
    assert not await one.asks()
    await wait_until(the_other_has_all, 20, "all shards with the one that sees")

    await one.strait.open()
    await wait_until(share, 20, "a fair share again")


async def test_h5_where_all_are_blind_nobody_gives_up(owners: tuple[Owner, Owner]) -> None:
    one, other = owners

    async def all_are_held() -> bool:
        blind = not one.leases.is_able() and not other.leases.is_able()
        return blind and await held(*owners) == [SHARDS // 2] * 2

    for each in owners:
        await each.strait.close()
        assert not await each.asks()

    await wait_until(all_are_held, 20, "a fair share of each, though neither sees")
