"""One name for all processes of a database: the label on the containers that are theirs.

Two control planes that share a database share its containers as well; each would otherwise take the
other's for lost and launch them once more. The first to start gives the name.
"""

from typing import ClassVar

from sqlalchemy import select
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Tx, insert_missing, table

ONLY = 1


class FleetNameRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "fleet_name"

    number: int = Field(default=ONLY, primary_key=True)
    name: str


fleet_names = table(FleetNameRow)


def settle(tx: Tx, ours: str) -> str:
    """The name that was given, which is ours if there was none."""
    tx.run(insert_missing(tx, fleet_names), {"number": ONLY, "name": ours})
    return str(tx.scalar(select(fleet_names.c.name).where(fleet_names.c.number == ONLY)))
