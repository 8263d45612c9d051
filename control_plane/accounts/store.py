"""Users and the accounts that they trade in."""

from typing import ClassVar

from sqlalchemy import BigInteger
from sqlmodel import Field, SQLModel

from control_plane.infra.db import table


class UserRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "user"

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    password_hash: str
    must_change_password: bool = True
    role: str = "trader"  # trader | author | admin
    created_ms: int = Field(sa_type=BigInteger)


class AccountRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "account"

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)  # the user it belongs to
    shard: int
    name: str
    venue: str  # paper | coindcx
    state: str = "active"  # active | suspended | closed
    reason: str | None = None
    home_currency: str = "INR"
    created_ms: int = Field(sa_type=BigInteger)


users = table(UserRow)
accounts = table(AccountRow)
