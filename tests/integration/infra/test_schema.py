"""Migrations make what the tables say, and unmake it, on both databases."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect, text

from control_plane.infra import schema
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Database, connect
from control_plane.infra.engines import Pool
from control_plane.tables import SCHEMA

pytestmark = pytest.mark.db


@pytest.fixture
def empty(database_url: str) -> Database:
    return connect(database_url, RealClock(), pool=Pool(size=2, overflow=0))


def test_migrations_make_the_very_schema_that_the_tables_describe(empty: Database) -> None:
    schema.upgrade(empty)

    with empty.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, SCHEMA) == []
    empty.close()


def test_migrations_go_down_to_nothing_and_up_again(empty: Database) -> None:
    schema.upgrade(empty)
    schema.downgrade(empty, "base")
    assert set(inspect(empty.engine).get_table_names()) == {"alembic_version"}

    schema.upgrade(empty)
    assert schema.is_current(empty)
    empty.close()


def test_an_unknown_schema_is_refused_by_name(empty: Database) -> None:
    schema.upgrade(empty)
    with empty.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(schema.SchemaUnknown, match="9999"):
        schema.upgrade(empty)
    empty.close()
