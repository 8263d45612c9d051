"""The second wall: what a query of the api role forgets to ask, the database still does not show.

Every query names its tenant. On PostgreSQL, row-level security asks once more: a transaction of the
api role changes to the user `slipway_api`, who neither owns a table nor bypasses its policies, and
says for whom it acts, both until it ends, so that a pooled connection keeps nothing of it. For whom
is a matter of the request: the edge begins with nobody, whoever signs in is found among everybody,
and from then on it is the caller alone, unless the route is about everybody.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy import Connection, text

ROLE = "slipway_api"
EVERYBODY = "*"
NOBODY = ""

_tenant: ContextVar[str] = ContextVar("slipway_tenant", default=NOBODY)


def tenant() -> str:
    """For whom this task acts."""
    return _tenant.get()


def act_for(who: str) -> None:
    """From now on, in this task: what a request does once it knows who asks."""
    _tenant.set(who)


@contextmanager
def acting_for(who: str) -> Iterator[None]:
    before = _tenant.set(who)
    try:
        yield
    finally:
        _tenant.reset(before)


# ---- in a transaction ----------------------------------------------------------------------------

_CHANGE = text("SELECT set_config('slipway.tenant', :tenant, true)")

# Every other connection, whichever user it is: those who own the tables are not asked anyway.
OUTSIDE = f"SET slipway.tenant = '{EVERYBODY}'"


def entering(who: str) -> str:
    """What is said with BEGIN."""
    quoted = who.replace("'", "''")
    return f"SET LOCAL ROLE {ROLE}; SET LOCAL slipway.tenant = '{quoted}'"


def change(connection: Connection, who: str) -> None:
    connection.execute(_CHANGE, {"tenant": who})


# ---- in a migration ------------------------------------------------------------------------------

_ASKED = "current_setting('slipway.tenant', true)"
OWN = f"tenant = {_ASKED}"


def of_parent(name: str, column: str, parent: str) -> str:
    """Rows that belong to whom their parent belongs to: the parent's own policy says which."""
    return f'EXISTS (SELECT FROM "{parent}" AS parent WHERE parent.id = "{name}".{column})'


def enclose(connection: Connection, name: str, rule: str = OWN, *, also_write: str = "") -> None:
    """Let `slipway_api` see and write only those rows of a table for which `rule` holds."""
    if connection.dialect.name != "postgresql":
        return
    seen = f"{_ASKED} = '{EVERYBODY}' OR {rule}"
    written = f" WITH CHECK ({seen} OR {also_write})" if also_write else ""
    connection.execute(text(f'ALTER TABLE "{name}" ENABLE ROW LEVEL SECURITY'))
    connection.execute(text(f'CREATE POLICY tenant ON "{name}" TO {ROLE} USING ({seen}){written}'))


def open_up(connection: Connection, name: str) -> None:
    if connection.dialect.name != "postgresql":
        return
    connection.execute(text(f'DROP POLICY tenant ON "{name}"'))
    connection.execute(text(f'ALTER TABLE "{name}" DISABLE ROW LEVEL SECURITY'))
