"""Fixtures that every tier shares. What a test needs running, its markers say."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra import db
from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.engines import Pool
from control_plane.infra.rng import SeededRng
from control_plane.tables import SCHEMA
from tests import canary
from tests.fakes.clock import FakeClock

pytest_plugins = ["tests.services", "tests.leaks"]

# One tree, one verdict: the gate tries the same examples each time. SLIPWAY_EXPLORE=1 looks for new
# ones, and what it finds becomes an example of its own.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.register_profile("explore", deadline=None, print_blob=True)
settings.load_profile("explore" if os.environ.get("SLIPWAY_EXPLORE") else "gate")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def real_clock() -> Clock:
    return RealClock()


@pytest.fixture
def rng() -> Rng:
    return SeededRng(1)


@pytest.fixture(scope="session")
def blank() -> Iterator[sqlite3.Connection]:
    """Every table of the schema, empty: copying them takes a fraction of making them."""
    made = db.connect("sqlite://", FakeClock(), inline=True)
    SCHEMA.create_all(made.engine)
    with made.engine.connect() as connection:
        yield raw(connection)
    made.close()


def raw(connection: Connection) -> sqlite3.Connection:
    driver: Any = connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver


@pytest.fixture
def memory(clock: FakeClock, blank: sqlite3.Connection) -> Iterator[Database]:
    """An inline database in memory, on the fake clock: for tests of decisions around a store."""
    database = db.connect("sqlite://", clock, inline=True)
    with database.engine.connect() as connection:
        blank.backup(raw(connection))
    yield database
    with database.engine.connect() as connection:
        canary.check({"the database": raw(connection).serialize()})
    database.close()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database of its own for one test: a SQLite file, and a new PostgreSQL database if there
    is a server.
    """
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'test.db'}"
        return

    with own_postgres(request.node.nodeid) as url:
        yield url


@contextmanager
def own_postgres(whose: str) -> Iterator[str]:
    """A new database on the server of SLIPWAY_TEST_DATABASE_URL, for as long as this lasts."""
    server = os.environ["SLIPWAY_TEST_DATABASE_URL"]
    name = f"slipway_{os.getpid()}_{abs(hash(whose)) % 10**9}"
    admin = create_engine(
        make_url(server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT"
    )
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
        connection.execute(text(f"CREATE DATABASE {name}"))
    url = make_url(server).set(database=name, drivername="postgresql+psycopg")
    yield url.set(drivername="postgresql").render_as_string(hide_password=False)
    left = create_engine(url, poolclass=NullPool)
    canary.check({"the database": canary.in_postgres(left)})
    with admin.connect() as connection:
        connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    admin.dispose()


@pytest.fixture
def database(database_url: str, real_clock: Clock, blank: sqlite3.Connection) -> Iterator[Database]:
    """A real, threaded database with every table, on the real clock."""
    if database_url.startswith("sqlite"):
        with closing(sqlite3.connect(database_url.removeprefix("sqlite:///"))) as file:
            blank.backup(file)
    opened = db.connect(database_url, real_clock, pool=Pool(size=4, overflow=2))
    SCHEMA.create_all(opened.engine)
    yield opened
    opened.close()


@pytest.fixture
async def redis_server(tmp_path: Path) -> AsyncIterator[EmbeddedServer]:
    """A private Redis-protocol server for one test."""
    server = EmbeddedServer(
        tmp_path / "redis-data", RealClock(), SeededRng(abs(hash(str(tmp_path))))
    )
    (tmp_path / "redis-data").mkdir()
    await server.start()
    yield server
    if server.socket_path.exists():  # a test may have ended it, and then it holds nothing
        canary.check({"Redis": await asyncio.to_thread(canary.in_redis, server.url)})
    await server.stop()


@pytest.fixture
async def bus(redis_server: EmbeddedServer) -> AsyncIterator[Bus]:
    opened = Bus(redis_server.url, RealClock())
    async with asyncio.TaskGroup() as group:
        running = group.create_task(opened.run())
        await asyncio.sleep(0)
        yield opened
        running.cancel()
    await opened.close()


async def wait_until(
    condition: Callable[[], Awaitable[object] | object], seconds: float = 10.0, what: str = "it"
) -> None:
    """Ask again and again until it holds; a test that waits says for what, and not for ever."""
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while True:
        answer = condition()
        if asyncio.iscoroutine(answer):
            answer = await answer
        if answer:
            return
        assert loop.time() < deadline, f"{what} did not come about within {seconds:g} s"
        await asyncio.sleep(0.02)
