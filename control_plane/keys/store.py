"""Broker keys, sealed. What is readable here is what a person may see of them."""

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

import msgspec
from sqlalchemy import BigInteger, LargeBinary, Row, Text, delete, func, insert, select, update
from sqlmodel import Field, SQLModel

from control_plane.core.ids import AccountId, Tenant
from control_plane.infra.db import Tx, table
from control_plane.keys.models.checks import Held, KeyCheck


class BrokerKeyRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "broker_key"

    account: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    exchange: str
    row_version: int = Field(sa_type=BigInteger)
    kek_id: str = Field(index=True)
    key: bytes = Field(sa_type=LargeBinary)  # an envelope
    secret: bytes = Field(sa_type=LargeBinary)  # an envelope
    hint: str  # the key's last four characters
    fingerprint: str
    created_ms: int = Field(sa_type=BigInteger)


class BrokerKeyVersionRow(SQLModel, table=True):
    """How often an account's key was set. Apart from the keys, so that an old row of theirs does
    not bring its own number with it.
    """

    __tablename__: ClassVar[str] = "broker_key_version"

    account: str = Field(primary_key=True)
    version: int = Field(sa_type=BigInteger)


class BrokerKeyCheckRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "broker_key_check"

    account: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    fingerprint: str
    state: str
    reason: str | None = None
    user: str | None = Field(default=None, index=True)
    skew_ms: int | None = Field(default=None, sa_type=BigInteger)
    egress: str = ""
    held: str = Field(default="[]", sa_type=Text)
    checked_ms: int = Field(sa_type=BigInteger)


keys = table(BrokerKeyRow)
versions = table(BrokerKeyVersionRow)
checks = table(BrokerKeyCheckRow)


@dataclass(frozen=True)
class Kept:
    account: AccountId
    tenant: Tenant
    exchange: str
    row_version: int
    kek_id: str
    key: bytes = field(repr=False)
    secret: bytes = field(repr=False)
    hint: str = ""
    fingerprint: str = ""
    created_ms: int = 0


def kept(tx: Tx, account: AccountId) -> Kept | None:
    row = tx.first(select(keys).where(keys.c.account == account))
    return None if row is None else _kept(row)


def for_opening(tx: Tx, account: AccountId) -> tuple[Kept, int] | None:
    """The row beside the number that its envelopes must have: both as one moment knew them."""
    row = tx.first(
        select(keys, versions.c.version)
        .outerjoin(versions, versions.c.account == keys.c.account)
        .where(keys.c.account == account)
    )
    return None if row is None else (_kept(row), int(row.version or 0))


def version(tx: Tx, account: AccountId) -> int:
    found = tx.scalar(select(versions.c.version).where(versions.c.account == account))
    return int(found or 0)


def next_version(tx: Tx, account: AccountId) -> int:
    """Counted before it is used, and never back."""
    counted = tx.first(
        update(versions)
        .where(versions.c.account == account)
        .values(version=versions.c.version + 1)
        .returning(versions.c.version)
    )
    if counted is not None:
        return int(counted.version)
    tx.run(insert(versions), {"account": account, "version": 1})
    return 1


def put(tx: Tx, new: Kept) -> None:
    drop(tx, new.account)
    tx.run(
        insert(keys),
        {
            "account": new.account,
            "tenant": new.tenant,
            "exchange": new.exchange,
            "row_version": new.row_version,
            "kek_id": new.kek_id,
            "key": new.key,
            "secret": new.secret,
            "hint": new.hint,
            "fingerprint": new.fingerprint,
            "created_ms": new.created_ms,
        },
    )


def drop(tx: Tx, account: AccountId) -> bool:
    return tx.run(delete(keys).where(keys.c.account == account)) == 1


def fingerprints(tx: Tx, exchange: str) -> list[tuple[AccountId, str]]:
    query = select(keys.c.account, keys.c.fingerprint).where(keys.c.exchange == exchange)
    return [(AccountId(row.account), row.fingerprint) for row in tx.all(query)]


def check_of(tx: Tx, account: AccountId) -> KeyCheck | None:
    row = tx.first(select(checks).where(checks.c.account == account))
    return None if row is None else _check(row)


def put_check(tx: Tx, check: KeyCheck) -> None:
    tx.run(delete(checks).where(checks.c.account == check.account))
    held = msgspec.json.encode(check.held).decode()
    tx.run(
        insert(checks), {**{f.name: getattr(check, f.name) for f in fields(check)}, "held": held}
    )


def checked_before(tx: Tx, exchange: str, before_ms: int) -> list[AccountId]:
    """Accounts with a key that was not tested since, or that is another by now: whoever waited
    longest first.
    """
    tested = checks.c.fingerprint.label("tested")
    query = (
        select(keys.c.account, keys.c.fingerprint, checks.c.checked_ms, tested)
        .outerjoin(checks, checks.c.account == keys.c.account)
        .where(keys.c.exchange == exchange)
    )
    due = [
        (row.checked_ms or 0, AccountId(row.account))
        for row in tx.all(query)
        if row.fingerprint != row.tested or row.checked_ms < before_ms
    ]
    return [account for _, account in sorted(due)]


def others_of(tx: Tx, user: str, account: AccountId) -> list[KeyCheck]:
    """Other accounts whose key, the one that they have now, is the same user's at the exchange."""
    query = (
        select(checks)
        .join(keys, keys.c.account == checks.c.account)
        .where(
            checks.c.user == user,
            checks.c.account != account,
            checks.c.state == "good",
            checks.c.fingerprint == keys.c.fingerprint,
        )
    )
    return [_check(row) for row in tx.all(query)]


def _check(row: Row[Any]) -> KeyCheck:
    values = {**row._mapping, "held": msgspec.json.decode(row.held, type=tuple[Held, ...])}
    return KeyCheck(**values)


def sealed_for_others(tx: Tx, kek_id: str, limit: int) -> list[Kept]:
    """What a rotation still has before it."""
    query = select(keys).where(keys.c.kek_id != kek_id).order_by(keys.c.account).limit(limit)
    return [_kept(row) for row in tx.all(query)]


def count_for_others(tx: Tx, kek_id: str) -> int:
    query = select(func.count()).select_from(keys).where(keys.c.kek_id != kek_id)
    return int(tx.scalar(query))


def reseal(tx: Tx, old: Kept, kek_id: str, key: bytes, secret: bytes) -> bool:
    """Unless somebody set another key meanwhile: that one is sealed for the primary already."""
    touched = tx.run(
        update(keys)
        .where(
            keys.c.account == old.account,
            keys.c.row_version == old.row_version,
            keys.c.kek_id == old.kek_id,
        )
        .values(kek_id=kek_id, key=key, secret=secret)
    )
    return touched == 1


def _kept(row: Row[Any]) -> Kept:
    return Kept(
        AccountId(row.account),
        Tenant(row.tenant),
        row.exchange,
        row.row_version,
        row.kek_id,
        row.key,
        row.secret,
        row.hint,
        row.fingerprint,
        row.created_ms,
    )
