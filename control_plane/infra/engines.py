"""How each of the two databases is opened, and how a transaction on it begins."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DisconnectionError, OperationalError, ProgrammingError
from sqlalchemy.pool import QueuePool, StaticPool

from control_plane.core.clock import Clock
from control_plane.infra import wall

Begin = Literal["read", "write"]

# One that was good so short a time ago is not asked whether it still is: that is a round trip.
TRUSTED_SECONDS = 1.0


@dataclass(frozen=True)
class Pool:
    """PostgreSQL's connections, in the pool's own words."""

    size: int = 20
    overflow: int = 10
    timeout_seconds: float = 30
    recycle_seconds: int = 3600


def parse_url(url: str) -> URL:
    """A URL of one of the two databases, with the driver that we use; ValueError says what is
    wrong.
    """
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError) as error:
        raise ValueError("it is no database URL") from error

    if backend == "sqlite":
        return parsed.set(drivername="sqlite+pysqlite")
    if backend in {"postgresql", "postgres"}:
        return parsed.set(drivername="postgresql+psycopg")
    raise ValueError(
        f"{backend!r} is not supported: use sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME"
    )


def sqlite_engine(url: URL, *, inline: bool) -> Engine:
    memory = url.database in {None, "", ":memory:"}
    if memory and not inline:
        raise ValueError("an in-memory database has one connection: it needs inline=True")
    if not memory:
        Path(str(url.database)).parent.mkdir(parents=True, exist_ok=True)
    options: dict[str, Any] = (
        {"poolclass": StaticPool} if memory else {"poolclass": QueuePool, "pool_size": 8}
    )
    engine = create_engine(url, connect_args={"check_same_thread": False, "timeout": 30}, **options)

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.isolation_level = None  # we begin ourselves
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        # NORMAL may lose a committed transaction with the power.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute("PRAGMA busy_timeout=30000")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        # Readers begin deferred: they never wait for the writer.
        reads = connection.get_execution_options().get("begin") == "read"
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")

    return engine


def postgres_engine(url: URL, clock: Clock, pool: Pool) -> Engine:
    engine = create_engine(
        url,
        pool_size=pool.size,
        max_overflow=pool.overflow,
        pool_timeout=pool.timeout_seconds,
        pool_recycle=pool.recycle_seconds,
        connect_args={"connect_timeout": 5},
    )
    failure = engine.dialect.loaded_dbapi.Error

    @event.listens_for(engine, "connect")
    def prepare(connection: Any, _record: Any) -> None:
        connection.autocommit = True  # we begin ourselves
        connection.execute(wall.OUTSIDE)

    @event.listens_for(engine, "checkin")
    def put_back(_connection: Any, record: Any) -> None:
        record.info["used"] = clock.monotonic()

    @event.listens_for(engine, "checkout")
    def take(connection: Any, record: Any, _fairy: Any) -> None:
        used = record.info.get("used")
        if used is None or clock.monotonic() - used < TRUSTED_SECONDS:
            return
        try:
            connection.execute("SELECT 1")
        except failure as error:
            raise DisconnectionError from error  # the pool makes another one

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        """With the wall in one question: a transaction of three round trips is not one of five."""
        options = connection.get_execution_options()
        if options.get("isolation_level") == "AUTOCOMMIT":
            return
        who = options.get("tenant")
        words = "BEGIN" if who is None else f"BEGIN; {wall.entering(who)}"
        driver: Any = connection.connection.driver_connection
        try:
            driver.execute(words, prepare=False)
        except failure as error:
            if not engine.dialect.is_disconnect(error, driver, None):
                raise ProgrammingError(words, None, error) from error
            connection.invalidate(error)
            engine.dispose(close=False)  # the others' server was the same
            raise OperationalError(words, None, error, connection_invalidated=True) from error

    return engine
