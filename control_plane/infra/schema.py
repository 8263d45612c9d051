"""The schema: brought up to date at start, and refused when it is newer than this program.

Old code on a new schema would write rows that the new code does not expect, so it does not start.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from control_plane.errors import Conflict, Forbidden
from control_plane.infra import wall
from control_plane.infra.db import Database, unavailable

MIGRATIONS = Path(__file__).parent.parent / "migrations"

# Any number that no other program takes: one start migrates, the others wait for it.
ADVISORY_LOCK = 5_111_914


INSUFFICIENT = "42501"  # PostgreSQL's: the user has no right to it


class MayNot(Forbidden):
    """The database's user has too few rights to make the schema."""


class SchemaUnknown(Conflict):
    """The database was made by a newer version of this program, or by another one."""


def upgrade(database: Database, revision: str = "head") -> None:
    """Bring the schema to `revision`, in one transaction."""
    try:
        with database.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text(f"SELECT pg_advisory_xact_lock({ADVISORY_LOCK})"))
            _refuse_unknown(connection)
            command.upgrade(config(connection), revision)
    except OperationalError as error:
        raise unavailable(error) from error
    except ProgrammingError as error:
        if getattr(error.orig, "sqlstate", "") != INSUFFICIENT:
            raise
        raise MayNot(
            f"The database's user may not do what the schema needs: {error.orig}",
            field="SLIPWAY_DATABASE_URL",
            remedy=(
                f"As an administrator: CREATE ROLE {wall.ROLE} NOLOGIN;"
                f" GRANT {wall.ROLE} TO that user; and let it own the database."
            ),
        ) from error


def downgrade(database: Database, revision: str) -> None:
    with database.engine.begin() as connection:
        command.downgrade(config(connection), revision)


def is_current(database: Database) -> bool:
    try:
        with database.engine.connect() as connection:
            return current(connection) == head()
    except OperationalError as error:
        raise unavailable(error) from error


def current(connection: Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def head() -> str | None:
    return ScriptDirectory.from_config(config(None)).get_current_head()


def config(connection: Connection | None) -> Config:
    made = Config()
    made.set_main_option("script_location", str(MIGRATIONS))
    made.attributes["connection"] = connection
    return made


def _refuse_unknown(connection: Connection) -> None:
    found = current(connection)
    if found is None:
        return
    try:
        ScriptDirectory.from_config(config(None)).get_revision(found)
    except CommandError as error:
        raise SchemaUnknown(
            f"The database's schema is at {found!r}, which this version does not know.",
            field="SLIPWAY_DATABASE_URL",
            remedy="Start the version that made it, or a newer one.",
        ) from error
