"""Row-level security on a real PostgreSQL: what a query forgot to ask, nobody is shown.

For every table a row of Ann's and one of Bob's, made from the tables' own columns: a new table is
behind the wall, or is listed here with the reason why it is nobody's.
"""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from sqlalchemy import Boolean, Float, LargeBinary, Table, delete, insert, select, text, update
from sqlalchemy.exc import DBAPIError, ProgrammingError

from control_plane.core.ids import Tenant
from control_plane.infra import schema, wall
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, Money, Tx, connect
from control_plane.infra.engines import Pool
from control_plane.tables import SCHEMA
from tests.conftest import own_postgres

pytestmark = [pytest.mark.db, pytest.mark.postgres]

NOBODYS = {
    "alarm": "what must always hold and does not, for admins",
    "audit": "one chain of what everybody did; the api role reads its digests alone",
    "budget": "rates of venues and addresses",
    "candle": "market data",
    "command": "questions between roles",
    "fleet_name": "the label of this database's containers",
    "exchange_usage": "how full an exchange's limits are, of addresses and the ends of keys",
    "halt": "what the platform refuses, whosever it is",
    "instrument": "market data",
    "lease": "which process owns which shard",
    "lease_member": "which processes there are",
    "market_lag": "market data",
    "market_rate": "market data",
    "market_time": "market data",
    "market_want": "market data",
    "node": "the machines of the fleet",
}
ANN, BOB = Tenant("ann"), Tenant("bob")
BEHIND = sorted(set(SCHEMA.tables) - set(NOBODYS))


@pytest.fixture(scope="module")
def database_url() -> Iterator[str]:
    with own_postgres(__name__) as url:
        yield url


@pytest.fixture(scope="module")
def database(database_url: str) -> Iterator[Database]:
    """A row of Ann's and one of Bob's in every table; their values mean nothing, so that no
    constraint may look at them.
    """
    opened = connect(database_url, RealClock(), pool=Pool(size=3, overflow=0))
    schema.upgrade(opened)
    with opened.engine.begin() as connection:
        for table in SCHEMA.tables.values():
            for name in _constraints(connection, table):
                connection.execute(text(f'ALTER TABLE "{table}" DROP CONSTRAINT "{name}"'))
        for table in SCHEMA.tables.values():
            for number, who in enumerate((ANN, BOB), 1):
                connection.execute(insert(table), row_of(table, who, number))
    yield opened
    opened.close()


def test_every_table_is_behind_the_wall_or_nobodys(database: Database) -> None:
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                "SELECT c.relname FROM pg_class c JOIN pg_policies p ON p.tablename = c.relname"
                " WHERE c.relrowsecurity AND p.policyname = 'tenant' AND :role = ANY (p.roles)"
            ),
            {"role": wall.ROLE},
        )
        enclosed = {row.relname for row in rows}

    assert enclosed | set(NOBODYS) == set(SCHEMA.tables)
    assert not enclosed & set(NOBODYS)
    assert {name for name, table in SCHEMA.tables.items() if "tenant" in table.c} <= enclosed


def test_the_api_role_owns_nothing_and_bypasses_nothing(database: Database) -> None:
    with database.engine.connect() as connection:
        role = connection.execute(
            text(
                "SELECT rolsuper, rolbypassrls, rolcanlogin,"
                " (SELECT count(*) FROM pg_class WHERE relowner = pg_roles.oid) AS owns"
                " FROM pg_roles WHERE rolname = :role"
            ),
            {"role": wall.ROLE},
        ).one()

    assert tuple(role) == (False, False, False, 0)


@pytest.mark.attack("U1")
async def test_a_query_that_forgot_its_filter_finds_nothing_of_others(database: Database) -> None:
    walled = database.behind_the_wall()
    for name in BEHIND:
        table = SCHEMA.tables[name]
        everything = [tuple(row) for row in await database.read(rows_of(table))]
        with wall.acting_for(ANN):
            anns = [tuple(row) for row in await walled.read(rows_of(table))]
        with wall.acting_for(BOB):
            bobs = [tuple(row) for row in await walled.read(rows_of(table))]

        assert len(anns) == len(bobs) == 1, name
        assert sorted(map(repr, anns + bobs)) == sorted(map(repr, everything)), name


async def test_who_acts_for_nobody_finds_nothing_and_for_everybody_all(
    database: Database,
) -> None:
    walled = database.behind_the_wall()
    for name in BEHIND:
        assert await walled.read(rows_of(SCHEMA.tables[name])) == [], name
        with wall.acting_for(wall.EVERYBODY):
            assert len(await walled.read(rows_of(SCHEMA.tables[name]))) == 2, name


@pytest.mark.attack("U1")
async def test_a_change_that_forgot_its_filter_touches_nothing_of_others(
    database: Database,
) -> None:
    walled = database.behind_the_wall()
    with wall.acting_for(ANN):
        for name in BEHIND:
            table = SCHEMA.tables[name]
            column = next(iter(table.primary_key.columns))
            assert await walled.write(unmade(update(table).values({column: column}))) == 1, name
            assert await walled.write(unmade(delete(table))) == 1, name


@pytest.mark.attack("U1")
async def test_nobody_writes_a_row_that_is_anothers(database: Database) -> None:
    walled = database.behind_the_wall()
    with wall.acting_for(ANN):
        for name in BEHIND:
            table = SCHEMA.tables[name]
            theirs = insert(table).values(row_of(table, BOB, 3))
            with pytest.raises(ProgrammingError, match="row-level security"):
                await walled.write(Tx.run, theirs)


async def test_other_roles_see_what_they_always_saw(database: Database) -> None:
    for name, table in SCHEMA.tables.items():
        assert len(await database.read(rows_of(table))) == 2, name


async def test_a_pooled_connection_keeps_nothing_of_whom_it_acted_for(
    database: Database,
) -> None:
    walled, table = database.behind_the_wall(), SCHEMA.tables["account"]
    for who in (ANN, wall.EVERYBODY, BOB, wall.NOBODY) * 3:
        with wall.acting_for(who):
            found = await walled.write(rows_of(table))
        assert len(found) == {wall.EVERYBODY: 2, wall.NOBODY: 0}.get(who, 1)
        assert len(await database.write(rows_of(table))) == 2


async def test_a_failed_transaction_leaves_no_connection_behind_the_wall(
    database: Database,
) -> None:
    walled = database.behind_the_wall()
    with wall.acting_for(ANN), pytest.raises(DBAPIError):
        await walled.write(lambda tx: tx.run(text("SELECT 1 / 0")))

    assert len(await database.read(rows_of(SCHEMA.tables["trade"]))) == 2


async def test_one_question_about_everybody_ends_where_it_ends(database: Database) -> None:
    table = SCHEMA.tables["deployment"]

    def look(tx: Tx) -> tuple[int, int, int]:
        before = len(tx.all(select(table)))
        with tx.for_everybody():
            meanwhile = len(tx.all(select(table)))
        return before, meanwhile, len(tx.all(select(table)))

    with wall.acting_for(ANN):
        assert await database.behind_the_wall().read(look) == (1, 2, 1)


async def test_the_text_of_the_audit_log_is_not_the_api_roles_to_read(
    database: Database,
) -> None:
    walled = database.behind_the_wall()
    with wall.acting_for(wall.EVERYBODY):
        assert len(await walled.read(lambda tx: tx.all(text("SELECT seq, hash FROM audit")))) == 2
        for statement in ("SELECT body FROM audit", "DELETE FROM audit", "UPDATE audit SET seq=9"):
            with pytest.raises(ProgrammingError, match="permission denied"):
                await walled.write(Tx.run, text(statement))


async def test_a_user_of_its_own_for_the_api_is_enough(
    database: Database, database_url: str
) -> None:
    """Compose may give the api service a login that is nothing but a member of the role."""
    name = f"web_{database_url.rpartition('/')[2]}"
    with database.engine.begin() as connection:
        connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'web' IN ROLE {wall.ROLE}"))
    url = database.engine.url.set(username=name, password="web").render_as_string(False)
    web = connect(url, RealClock(), pool=Pool(size=2, overflow=0))
    try:
        table = SCHEMA.tables["account"]
        with wall.acting_for(ANN):
            assert len(await web.behind_the_wall().read(rows_of(table))) == 1
        assert len(await web.read(rows_of(table))) == 2  # its loops are about everybody
    finally:
        web.close()
        with database.engine.begin() as connection:
            connection.execute(text(f"DROP OWNED BY {name}; DROP ROLE {name}"))


def test_who_may_not_make_the_wall_is_told_what_to_run(database: Database) -> None:
    """An owner that is no administrator, on a server where another made the role."""
    name = f"poor_{database.engine.url.database}"
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as admin:
        admin.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD 'poor'"))
        admin.execute(text(f"CREATE DATABASE {name} OWNER {name}"))
        try:
            url = database.engine.url.set(username=name, password="poor", database=name)
            owner = connect(url.render_as_string(False), RealClock(), pool=Pool(1, 0))
            with pytest.raises(schema.MayNot, match="may not") as refused:
                schema.upgrade(owner)
            assert wall.ROLE in str(refused.value.remedy)

            admin.execute(text(f"GRANT {wall.ROLE} TO {name}"))
            schema.upgrade(owner)
            assert schema.is_current(owner)
            owner.close()
        finally:
            admin.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
            admin.execute(text(f"DROP ROLE {name}"))


def rows_of(table: Table) -> Callable[[Tx], list[Any]]:
    return lambda tx: list(tx.all(select(table)))


def unmade(statement: Any) -> Callable[[Tx], int]:
    """How many rows it would touch."""

    def work(tx: Tx) -> int:
        nested = tx.connection.begin_nested()
        touched = tx.run(statement)
        nested.rollback()
        return touched

    return work


def row_of(table: Table, who: str, number: int) -> dict[str, Any]:
    """Whatever column says whose it is says so; the others hold something of their type."""
    return {column.name: value_of(column, who, number) for column in table.columns}


def value_of(column: Any, who: str, number: int) -> Any:
    whose = {
        "user.id": who,
        "account.id": f"account-{who}",
        "deployment.id": f"deployment-{who}",
        "job.id": f"job-{who}",
        "session.id": f"session-{who}",
        "subscription.id": f"subscription-{who}",
        "subject": who,
        "tenant": who,
        "account": f"account-{who}",
        "account_id": f"account-{who}",
        "deployment_id": f"deployment-{who}",
        "job_id": f"job-{who}",
        "session": f"session-{who}",
        "subscription_id": f"subscription-{who}",
    }
    found = whose.get(f"{column.table.name}.{column.name}") or whose.get(column.name)
    if found is not None:
        return found
    if isinstance(column.type, Boolean):
        return True
    if isinstance(column.type, LargeBinary):
        return who.encode()
    if isinstance(column.type, Money | Float) or column.type.python_type is int:
        return number
    return f"{column.name}-{who}"


def _constraints(connection: Any, table: Table) -> list[str]:
    rows = connection.execute(
        text(
            "SELECT conname FROM pg_constraint"
            " WHERE contype IN ('c', 'f') AND conrelid = to_regclass(:t)"
        ),
        {"t": f'"{table.name}"'},
    )
    return [row.conname for row in rows]
