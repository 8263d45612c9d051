"""Strategies and their versions. A version is immutable and named by the sha256 of its code and
manifest.
"""

from typing import ClassVar

from sqlalchemy import BigInteger, Text, UniqueConstraint
from sqlmodel import Field, SQLModel

from control_plane.infra.db import table


class StrategyRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "strategy"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    name: str
    created_ms: int = Field(sa_type=BigInteger)


class VersionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "version"
    __table_args__ = (UniqueConstraint("strategy_id", "number"),)

    id: str = Field(primary_key=True)  # sha256 of strategy id, code and manifest
    strategy_id: str = Field(index=True, foreign_key="strategy.id")
    tenant: str = Field(index=True)
    number: int
    code: str = Field(sa_type=Text)
    code_sha256: str
    manifest: str = Field(
        default="{}", sa_type=Text
    )  # what its author wrote beside the code, canonical JSON
    outline: str = Field(
        default="{}", sa_type=Text
    )  # what checking found: class, parameters, instrument, resolutions
    state: str = "pending"  # pending → checking → passed | failed
    report: str = Field(default="[]", sa_type=Text)  # findings
    created_ms: int = Field(sa_type=BigInteger)


strategies = table(StrategyRow)
versions = table(VersionRow)
