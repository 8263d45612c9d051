"""The database: a transaction is one synchronous function on one connection, so that nothing can be
awaited inside it.

`await db.write(decide_and_store, command)` runs `decide_and_store(tx, command)` in a transaction on
the database's own threads (SQLite: one writer, some readers; PostgreSQL: the pool's size), commits,
then calls what was left with `tx.after_commit`. No venue, engine or bus can be reached from within,
a serialisation failure repeats the function and nothing else, and with `inline=True` the same code
runs without threads, for seeded histories.
"""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from itertools import chain
from typing import Any, Concatenate, ParamSpec, TypeVar

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    MetaData,
    Numeric,
    Row,
    Subquery,
    Table,
    Text,
    any_,
    bindparam,
    func,
    select,
    text,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.types import TypeDecorator, TypeEngine
from sqlmodel import SQLModel

from control_plane.core.clock import Clock, ms
from control_plane.errors import Unavailable
from control_plane.infra import wall
from control_plane.infra.engines import Begin, Pool, parse_url, postgres_engine, sqlite_engine
from strategy_runtime.rules.money import canonical

P = ParamSpec("P")
T = TypeVar("T")

# Serialisation failure, deadlock: the transaction did not happen and may be repeated. So with a row
# that somebody else wrote meanwhile: whoever looks before writing finds it the next time.
REPEATABLE = {"40001", "40P01", "23505"}
REPEATS = 5
FEW = 16  # values that are each bound alone on SQLite: that is quicker than one list of them

# Names are stable, so that a migration can drop what another made.
NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLModel.metadata.naming_convention = NAMING

# Where rows go to SQLite's driver directly, an exact amount is its canonical text there too.
sqlite3.register_adapter(Decimal, canonical)


class DatabaseUnavailable(Unavailable):
    """It could not be reached, is full, or broke off. Nothing of the transaction is known to have
    happened.
    """


class Superseded(Unavailable):
    """Somebody else owns this row by now, or changed it first. What was to be written with it must
    not stand alone, so nothing of the transaction does: whoever owns the row does it, next time.
    """


class Money(TypeDecorator[Decimal]):
    """An exact decimal: NUMERIC on PostgreSQL, canonical text on SQLite, which has no exact number
    of its own.

    So never compared or summed by SQL: Python does that, inside the transaction.
    """

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Numeric() if dialect.name == "postgresql" else Text())

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Any:
        if value is None or dialect.name == "postgresql":
            return value
        return canonical(value)

    def result_processor(self, dialect: Dialect, coltype: object) -> Callable[[Any], Any] | None:
        """Lists are made of amounts: one call for each, and none where the driver gives them."""
        return None if dialect.name == "postgresql" else _amount


def _amount(value: Any) -> Decimal | None:
    return None if value is None else Decimal(value)


def table(model: type[SQLModel]) -> Table:
    """The Core table behind a model: hot paths and guards speak Core, the unit of work costs ten
    times as much.
    """
    found = SQLModel.metadata.tables[str(model.__tablename__)]
    assert isinstance(found, Table)
    return found


_OF_ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
_SERVER_MS = text("SELECT extract(epoch FROM clock_timestamp()) * 1000")


@dataclass
class Tx:
    """One open transaction. Results are read at once, so nothing of it outlives the function."""

    connection: Connection
    clock: Clock
    tenant: str | None = None  # behind the wall: for whom
    _after: list[Callable[[], None]] = field(default_factory=list)
    _gathered: dict["Ending", list[Any]] = field(default_factory=dict)
    _now: tuple[float, int] | None = None  # what the server's clock read, and when by ours

    def all(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Sequence[Row[Any]]:
        return self.connection.execute(statement, parameters).all()

    def first(
        self, statement: Executable, parameters: Mapping[str, Any] | None = None
    ) -> Row[Any] | None:
        return self.connection.execute(statement, parameters).first()

    def scalar(self, statement: Executable, parameters: Mapping[str, Any] | None = None) -> Any:
        return self.connection.execute(statement, parameters).scalar()

    def run(
        self,
        statement: Executable,
        parameters: Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
    ) -> int:
        """Execute and say how many rows it touched. A sequence of parameters is one batch."""
        if parameters is not None and not parameters:
            return 0
        return self.connection.execute(statement, parameters).rowcount

    def now_ms(self) -> int:
        """The database's clock where several machines share it, ours where the database is a file
        of ours.
        """
        if not self.is_postgres:
            return ms(self.clock.now())
        at = self.clock.monotonic()
        if self._now is None:  # a round trip: once is enough
            self._now = (at, int(self.scalar(_SERVER_MS)))
        asked, then = self._now
        return then + round((at - asked) * 1000)

    def hold_still(self) -> None:
        """Asked first: everything that this transaction reads is of one moment. SQLite's always is;
        on PostgreSQL each question would see what was committed before it.
        """
        if self.is_postgres:
            self.connection.execute(_OF_ONE_MOMENT)

    def after_commit(self, call: Callable[[], None]) -> None:
        """For hints such as a wake-up. Lost when the process dies in between, so never for an
        effect.
        """
        self._after.append(call)

    def gather(self, item: Any, at_the_end: "Ending") -> None:
        """What many parts of one transaction write, each a little, is written at once, last."""
        self._gathered.setdefault(at_the_end, []).append(item)

    def finish(self) -> None:
        """Before the commit."""
        for write, items in self._gathered.items():
            write(self, items)

    def insert_tuples(
        self, into: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """Thousands of rows as the driver takes them: COPY on PostgreSQL; on SQLite many to a
        statement, for the driver lets other threads in at each.
        """
        if not rows:
            return
        columns = ", ".join(f'"{name}"' for name in names)
        if self.is_postgres:
            cursor: Any = self.connection.connection.cursor()
            with cursor.copy(f'COPY "{into.name}" ({columns}) FROM STDIN') as copy:
                for row in rows:
                    copy.write_row(row)
            return
        at = 0
        for size in _SIZES:
            while len(rows) - at >= size:
                values = tuple(chain.from_iterable(rows[at : at + size]))
                statement = _insert_of(into.name, columns, len(names), size)
                self.connection.exec_driver_sql(statement, values)
                at += size

    def insert_missing_tuples(
        self, into: Table, names: Sequence[str], rows: Sequence[tuple[Any, ...]]
    ) -> None:
        """The same where some may be there already: those stay as they are."""
        if not rows:
            return
        if self.is_postgres:  # COPY knows no conflicts
            self.run(insert_missing(self, into), [dict(zip(names, r, strict=True)) for r in rows])
            return
        columns, marks = ", ".join(f'"{name}"' for name in names), ", ".join("?" * len(names))
        self.connection.exec_driver_sql(
            f'INSERT INTO "{into.name}" ({columns}) VALUES ({marks}) '  # noqa: S608 # our own names
            "ON CONFLICT DO NOTHING",
            list(rows),
        )

    @contextmanager
    def for_everybody(self) -> Iterator[None]:
        """For the few questions that are about somebody else's on purpose, such as whether there
        is what one wants to follow.
        """
        if self.tenant is None:
            yield
            return
        wall.change(self.connection, wall.EVERYBODY)
        try:
            yield
        finally:
            with suppress(DBAPIError):  # of a transaction that broke off nothing is left
                wall.change(self.connection, self.tenant)

    @property
    def is_postgres(self) -> bool:
        return self.connection.dialect.name == "postgresql"


Ending = Callable[[Tx, list[Any]], object]


def among(tx: Tx, column: Any, values: Collection[str]) -> ColumnElement[bool]:
    """Whether a text is one of many: one bound value, however many thousands there are."""
    if tx.is_postgres:
        found: ColumnElement[bool] = column == any_(bindparam(None, sorted(values), ARRAY(Text)))
        return found
    if len(values) <= FEW:
        few: ColumnElement[bool] = column.in_(sorted(values))
        return few
    listed = json.dumps(sorted(values))
    wanted: ColumnElement[bool] = column.in_(
        select(func.json_each(listed).table_valued("value").c.value)
    )
    return wanted


def given(is_postgres: bool, **columns: TypeEngine[Any]) -> Subquery:
    """A table of the rows in `:given`, a JSON list of lists: one bound value however many there
    are.
    """
    if is_postgres:
        cells = [f"CAST(value->>{n} AS {k}) AS {c}" for n, (c, k) in enumerate(columns.items())]
        rows = "json_array_elements(CAST(:given AS json)) AS each(value)"
    else:
        cells = [f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns)]
        rows = "json_each(:given)"
    found = text(f"SELECT {', '.join(cells)} FROM {rows}")  # noqa: S608 # our own names
    return found.columns(**columns).subquery("given")


def insert_missing(tx: Tx, into: Table) -> Executable:
    """An insert that leaves a row alone which is there already: for rows that a repeat, or a second
    process at the same moment, would write alike. `run` says how many were missing.
    """
    made = postgresql.insert(into) if tx.is_postgres else sqlite.insert(into)
    # Without this the count of an insert is -1 on PostgreSQL, which is as true as 1.
    return made.on_conflict_do_nothing().execution_options(preserve_rowcount=True)


# So few, that the driver knows each statement again.
_SIZES = (64, 16, 4, 1)


@lru_cache(256)
def _insert_of(into: str, columns: str, width: int, size: int) -> str:
    row = f"({', '.join('?' * width)})"
    return f'INSERT INTO "{into}" ({columns}) VALUES {", ".join([row] * size)}'  # noqa: S608 # our own names


# What else is written in each transaction of one request, given what the transaction came to.
Rider = Callable[[Tx, Any], None]
RIDER: ContextVar[Rider | None] = ContextVar("RIDER", default=None)


@dataclass
class Database:
    engine: Engine
    clock: Clock
    writers: Executor | None
    readers: Executor | None
    is_walled: bool = False

    def behind_the_wall(self) -> "Database":
        """The same database for work that somebody asks for: only what is theirs can be seen.
        SQLite has no such wall.
        """
        return replace(self, is_walled=self.engine.dialect.name == "postgresql")

    async def write(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        rider = RIDER.get()  # here: the lanes' threads have a context of their own
        if rider is not None:
            work = _accompanied(work, rider)
        who = self._acts_for()
        return await self._on(self.writers, lambda: self._transact(who, work, *args, **kwargs))

    async def read(
        self, work: Callable[Concatenate[Tx, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        who = self._acts_for()
        return await self._on(self.readers, lambda: self._look(who, work, *args, **kwargs))

    def close(self) -> None:
        for lane in (self.writers, self.readers):
            if lane is not None:
                lane.shutdown(wait=True)
        self.engine.dispose()

    async def _on(self, lane: Executor | None, work: Callable[[], T]) -> T:
        if lane is None:
            return work()
        # Shielded: a cancelled caller must not believe that a commit under way did not happen, nor
        # leave it unwatched.
        running = asyncio.get_running_loop().run_in_executor(lane, work)
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            with suppress(Exception):
                await running
            raise

    def _acts_for(self) -> str | None:
        """Asked on the task, for the transaction runs on another thread."""
        return wall.tenant() if self.is_walled else None

    @contextmanager
    def _connected(self, begin: Begin, who: str | None) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            connection.execution_options(begin=begin, tenant=who)
            yield connection

    def _transact(
        self,
        who: str | None,
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        for attempt in range(REPEATS + 1):
            has_begun = False
            try:
                with self._connected("write", who) as connection, connection.begin():
                    has_begun = True
                    tx = Tx(connection, self.clock, who)
                    result = work(tx, *args, **kwargs)
                    tx.finish()
            except OperationalError as error:
                was_lost = error.connection_invalidated and not has_begun
                if (was_lost or _is_repeatable(error)) and attempt < REPEATS:
                    continue
                raise unavailable(error) from error
            except DBAPIError as error:
                if _is_repeatable(error) and attempt < REPEATS:
                    continue
                if error.connection_invalidated:
                    raise unavailable(error) from error
                raise

            for call in tx._after:
                call()
            return result
        raise AssertionError("unreachable")

    def _look(
        self,
        who: str | None,
        work: Callable[Concatenate[Tx, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        for is_last in (False, True):
            try:
                with self._connected("read", who) as connection:
                    return work(Tx(connection, self.clock, who), *args, **kwargs)
            except OperationalError as error:
                # A connection that was good a moment ago is lost: looking twice changes nothing.
                if is_last or not error.connection_invalidated:
                    raise unavailable(error) from error
        raise AssertionError("unreachable")


def _accompanied(
    work: Callable[Concatenate[Tx, P], T], rider: Rider
) -> Callable[Concatenate[Tx, P], T]:
    def both(tx: Tx, /, *args: P.args, **kwargs: P.kwargs) -> T:
        result = work(tx, *args, **kwargs)
        rider(tx, result)
        return result

    return both


def connect(url: str, clock: Clock, *, pool: Pool | None = None, inline: bool = False) -> Database:
    """Open the database that `url` names. `inline` runs every transaction on the caller's
    thread.
    """
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        engine, writers, readers = sqlite_engine(parsed, inline=inline), 1, 4
    else:
        pool = pool or Pool()
        engine = postgres_engine(parsed, clock, pool)
        writers = readers = max(2, (pool.size + pool.overflow) // 2)
    if inline:
        return Database(engine, clock, None, None)
    return Database(
        engine,
        clock,
        ThreadPoolExecutor(writers, thread_name_prefix="db-write"),
        ThreadPoolExecutor(readers, thread_name_prefix="db-read"),
    )


def metadata() -> MetaData:
    return SQLModel.metadata


def _is_repeatable(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in REPEATABLE


def unavailable(error: DBAPIError) -> DatabaseUnavailable:
    reason = str(error.orig).strip().splitlines()
    return DatabaseUnavailable(
        f"The database does not answer: {reason[0] if reason else type(error.orig).__name__}.",
        remedy="Check SLIPWAY_DATABASE_URL and that the server runs.",
    )
