"""Users and the accounts that they trade in."""

from collections.abc import Collection
from typing import Any, ClassVar

from sqlalchemy import BigInteger, Row, UniqueConstraint, func, insert, select, update
from sqlmodel import Field, SQLModel

from control_plane.accounts.models import Account, Place, User
from control_plane.core.ids import AccountId, Tenant, UserId
from control_plane.infra.db import Tx, among, table


class UserRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "user"

    id: str = Field(primary_key=True)
    email: str = Field(unique=True)
    password_hash: str
    must_change_password: bool = True
    role: str = "trader"  # trader | author | admin
    verified_ms: int | None = Field(default=None, sa_type=BigInteger)  # the e-mail is theirs
    created_ms: int = Field(sa_type=BigInteger)


class AccountRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "account"
    __table_args__ = (UniqueConstraint("tenant", "name"),)

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


def user_count(tx: Tx) -> int:
    return int(tx.scalar(select(func.count()).select_from(users)))


def insert_user(tx: Tx, user: User, password_hash: str) -> None:
    tx.run(
        insert(users),
        {
            "id": user.id,
            "email": user.email,
            "password_hash": password_hash,
            "must_change_password": user.must_change_password,
            "role": user.role,
            "verified_ms": tx.now_ms() if user.is_verified else None,
            "created_ms": tx.now_ms(),
        },
    )


def user_by_email(tx: Tx, email: str) -> tuple[User, str] | None:
    """The user and the password's hash."""
    row = tx.first(select(users).where(users.c.email == email.strip().lower()))
    return None if row is None else (_user(row), row.password_hash)


def user_by_id(tx: Tx, identity: UserId) -> tuple[User, str] | None:
    row = tx.first(select(users).where(users.c.id == identity))
    return None if row is None else (_user(row), row.password_hash)


def first_admin(tx: Tx) -> User | None:
    query = select(users).where(users.c.role == "admin").order_by(users.c.created_ms, users.c.id)
    row = tx.first(query.limit(1))
    return None if row is None else _user(row)


def admins(tx: Tx) -> frozenset[Tenant]:
    query = select(users.c.id).where(users.c.role == "admin")
    return frozenset(Tenant(row.id) for row in tx.all(query))


def roles(tx: Tx, ids: Collection[UserId]) -> dict[UserId, str]:
    query = select(users.c.id, users.c.role).where(among(tx, users.c.id, ids))
    return {UserId(row.id): row.role for row in tx.all(query)}


def set_password(tx: Tx, identity: UserId, password_hash: str) -> None:
    tx.run(
        update(users)
        .where(users.c.id == identity)
        .values(password_hash=password_hash, must_change_password=False)
    )


def rehash(tx: Tx, identity: UserId, old: str, new: str) -> None:
    tx.run(
        update(users)
        .where(users.c.id == identity, users.c.password_hash == old)
        .values(password_hash=new)
    )


def set_verified(tx: Tx, identity: UserId) -> bool:
    touched = tx.run(
        update(users)
        .where(users.c.id == identity, users.c.verified_ms.is_(None))
        .values(verified_ms=tx.now_ms())
    )
    return touched == 1


def set_role(tx: Tx, identity: UserId, role: str) -> bool:
    return tx.run(update(users).where(users.c.id == identity).values(role=role)) == 1


def listed_users(tx: Tx, limit: int) -> list[User]:
    query = select(users).order_by(users.c.created_ms, users.c.id).limit(limit)
    return [_user(row) for row in tx.all(query)]


def insert_account(tx: Tx, account: Account) -> None:
    tx.run(
        insert(accounts),
        {
            "id": account.id,
            "tenant": account.tenant,
            "shard": account.shard,
            "name": account.name,
            "venue": account.venue,
            "state": account.state,
            "reason": account.reason,
            "home_currency": account.home_currency,
            "created_ms": account.created_ms,
        },
    )


def account(tx: Tx, tenant: Tenant, identity: AccountId) -> Account | None:
    row = tx.first(select(accounts).where(accounts.c.id == identity, accounts.c.tenant == tenant))
    return None if row is None else _account(row)


def account_named(tx: Tx, tenant: Tenant, name: str) -> Account | None:
    row = tx.first(select(accounts).where(accounts.c.tenant == tenant, accounts.c.name == name))
    return None if row is None else _account(row)


def set_state(tx: Tx, identity: AccountId, state: str, reason: str | None) -> None:
    tx.run(update(accounts).where(accounts.c.id == identity).values(state=state, reason=reason))


def accounts_of(tx: Tx, tenant: Tenant) -> list[Account]:
    query = (
        select(accounts)
        .where(accounts.c.tenant == tenant)
        .order_by(accounts.c.created_ms, accounts.c.id)
    )
    return [_account(row) for row in tx.all(query)]


def places(tx: Tx, ids: Collection[AccountId]) -> dict[AccountId, Place]:
    query = select(accounts.c.id, accounts.c.venue, accounts.c.state)
    rows = tx.all(query.where(among(tx, accounts.c.id, ids)))
    return {AccountId(row.id): Place(row.venue, row.state) for row in rows}


def _user(row: Row[Any]) -> User:
    return User(
        UserId(row.id),
        row.email,
        row.role,
        row.must_change_password,
        is_verified=row.verified_ms is not None,
    )


def _account(row: Row[Any]) -> Account:
    return Account(
        id=AccountId(row.id),
        tenant=Tenant(row.tenant),
        shard=row.shard,
        name=row.name,
        venue=row.venue,
        state=row.state,
        reason=row.reason,
        home_currency=row.home_currency,
        created_ms=row.created_ms,
    )
