"""Alembic's entry: the connection is ours, and so is the transaction around it."""

from typing import Any, Literal

from alembic import context
from sqlalchemy import Connection

from control_plane.infra.db import Money
from control_plane.tables import SCHEMA


def render_item(kind: str, item: Any, autogen_context: Any) -> str | Literal[False]:
    """Our own types by their names, so that a migration reads as it was meant."""
    if kind == "type" and isinstance(item, Money):
        autogen_context.imports.add("from control_plane.infra.db import Money")
        return "Money()"
    return False


connection: Connection | None = context.config.attributes.get("connection")
assert connection is not None, "run by `slipway up`, or by the tests"
context.configure(
    connection=connection,
    target_metadata=SCHEMA,
    render_as_batch=True,  # SQLite alters a table by copying it
    render_item=render_item,
    compare_type=True,
)
context.run_migrations()
