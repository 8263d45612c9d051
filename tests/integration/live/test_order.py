"""Neither a gap nor a repeat, on both databases, whatever the order of commits."""

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import events, schema, wall
from control_plane.infra.db import Database, Tx, connect
from control_plane.infra.engines import Pool
from tests.conftest import wait_until
from tests.integration.live.conftest import OPERATOR, serving


@pytest.fixture
def database(database_url: str, real_clock: Clock) -> Iterator[Database]:
    """As the api role has it: on PostgreSQL behind the wall."""
    opened = connect(database_url, real_clock, pool=Pool(size=4, overflow=2))
    schema.upgrade(opened)
    yield opened.behind_the_wall()
    opened.close()


async def test_many_writers_at_once_are_heard_once_each_and_in_order(
    database: Database, real_clock: Clock, rng: Rng
) -> None:
    """Also by somebody who leaves and comes back all the time."""
    async with serving(database, real_clock, rng) as port:
        tenant = await port.operated()

        async def write(kind: str) -> None:
            for _ in range(20):
                await port.happen(tenant, kind, kind)

        again: list[int] = []
        async with port.opened(token=OPERATOR) as wire:
            await wire.subscribe(kinds=["k0", "k1", "k2", "k3"])
            async with asyncio.TaskGroup() as group:
                for n in range(4):
                    group.create_task(write(f"k{n}"))
                last = 0
                while len(again) < 160:
                    async with port.opened(token=OPERATOR) as other:
                        await other.subscribe(kinds=["k0", "k1", "k2", "k3"], after=last)
                        for _ in range(min(23, 160 - len(again))):
                            last = (await other.next("event"))["number"]
                            again.append(last)
            heard = [(await wire.next("event"))["number"] for _ in range(160)]

    assert heard == again
    assert heard == sorted(set(heard))


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_a_lower_number_that_commits_later_is_waited_for(
    database: Database, real_clock: Clock, rng: Rng
) -> None:
    go_on = threading.Event()

    def slowly(tx: Tx) -> None:
        events.record(tx, "slow", "deployment", "dp1", tenant=tenant)
        go_on.wait(20)

    def given_up(tx: Tx) -> None:
        events.record(tx, "never", "deployment", "dp1", tenant=tenant)
        tx.run(text("SELECT 1 / 0"))

    async with serving(database, real_clock, rng) as port:
        tenant = await port.operated()
        async with port.opened(token=OPERATOR) as wire:
            await wire.subscribe()
            async with asyncio.TaskGroup() as group:
                with wall.acting_for(wall.EVERYBODY):
                    group.create_task(database.write(slowly))
                await asyncio.sleep(0.1)
                await port.happen(tenant, "quick")
                with (
                    wall.acting_for(wall.EVERYBODY),
                    pytest.raises(DBAPIError, match="division"),
                ):
                    await database.write(given_up)
                await port.happen(tenant, "last")
                await asyncio.sleep(1.0)
                assert port.world.services.live.tail._gap is not None
                go_on.set()
                heard = [await wire.next("event") for _ in range(3)]

    assert [one["kind"] for one in heard] == ["slow", "quick", "last"]
    assert heard[2]["number"] == heard[0]["number"] + 3


@pytest.mark.postgres
@pytest.mark.parametrize("database_url", ["postgres"], indirect=True)
async def test_whoever_comes_while_a_transaction_runs_misses_nothing_of_it(
    database: Database, real_clock: Clock, rng: Rng
) -> None:
    go_on = threading.Event()

    def slowly(tx: Tx) -> None:
        events.record(tx, "slow", "deployment", "dp1", tenant=tenant)
        go_on.wait(20)

    async with serving(database, real_clock, rng) as port:
        tenant = await port.operated()
        await port.happen(tenant, "first")
        async with asyncio.TaskGroup() as group:
            with wall.acting_for(wall.EVERYBODY):
                group.create_task(database.write(slowly))
            await asyncio.sleep(0.1)
            await port.happen(tenant, "quick")
            reading = port.world.services.live.tail
            group.create_task(_end_when(go_on, lambda: reading.listeners > 0))
            async with port.opened(token=OPERATOR) as wire:
                await wire.subscribe(after=0, subject_kinds=["deployment"])
                kinds = [(await wire.next("event"))["kind"] for _ in range(3)]

    assert kinds == ["first", "slow", "quick"]


async def _end_when(go_on: threading.Event, condition: Callable[[], bool]) -> None:
    await wait_until(condition, what="a listener")
    await asyncio.sleep(0.5)
    go_on.set()


async def test_the_wall_stands_behind_a_live_connection_too(
    database: Database, real_clock: Clock, rng: Rng
) -> None:
    """What is old is read as the caller, also with a ticket; what is everybody's, as everybody."""
    async with serving(database, real_clock, rng) as port:
        await port.happen("usother", "theirs")
        with wall.acting_for(wall.EVERYBODY):
            boss = await port.person("boss", "admin")
        await port.happen(boss.id, "own")
        ticket = (await boss.ask("POST", "/live/tickets")).json()["ticket"]
        kinds: dict[bool, list[str]] = {}
        async with port.opened(ticket=ticket, origin=f"http://{port.host}") as wire:
            for everybody in (False, True):
                name = str(everybody)
                asked = {"subject_kinds": ["deployment"], "everybody": everybody, "after": 0}
                await wire.say(type="subscribe", id=name, channel="events", **asked)
                kinds[everybody] = []
                while (message := await wire.hear())["type"] != "caught_up":
                    kinds[everybody] += [message["kind"]] if message["type"] == "event" else []

    assert kinds == {False: ["own"], True: ["theirs", "own"]}
