"""Subscriptions: a trader's standing order to mirror a deployment's signals in one account."""

from collections.abc import Collection
from dataclasses import fields
from decimal import Decimal
from typing import Any, ClassVar

from sqlalchemy import (
    BigInteger,
    Dialect,
    Index,
    Row,
    Text,
    TypeDecorator,
    func,
    insert,
    select,
    text,
    update,
)
from sqlmodel import Field, SQLModel

from control_plane.core.ids import (
    AccountId,
    InstrumentId,
    SubscriptionId,
    Tenant,
)
from control_plane.infra.db import Money, Tx, among, table
from control_plane.infra.paging import Asked, Found, page
from control_plane.subscriptions.models import Subscription

STANDS = text("state <> 'cancelled'")
HOLDS_POSITION = text("state <> 'cancelled' AND margin_currency <> ''")
WAKES = text("paused_until_ms IS NOT NULL")
LEAVES = text("positions = 'close'")


class Names(TypeDecorator[tuple[str, ...]]):
    """A few names in one text, for thousands of rows are read at once."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: tuple[str, ...] | None, dialect: Dialect) -> str:
        return ",".join(value or ())

    def process_result_value(self, value: str | None, dialect: Dialect) -> tuple[str, ...]:
        return tuple(value.split(",")) if value else ()


class SubscriptionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "subscription"
    __table_args__ = (
        Index("ix_subscription_active", "deployment_id", "state"),
        Index(
            "uq_subscription_deployment",
            "account_id",
            "deployment_id",
            unique=True,
            sqlite_where=STANDS,
            postgresql_where=STANDS,
        ),
        # A venue keeps one futures position per account and instrument, whoever opened it.
        Index(
            "uq_subscription_position",
            "account_id",
            "instrument",
            "margin_currency",
            unique=True,
            sqlite_where=HOLDS_POSITION,
            postgresql_where=HOLDS_POSITION,
        ),
        Index(
            "ix_subscription_wakes", "paused_until_ms", sqlite_where=WAKES, postgresql_where=WAKES
        ),
        Index("ix_subscription_leaves", "shard", sqlite_where=LEAVES, postgresql_where=LEAVES),
    )

    id: str = Field(primary_key=True)
    tenant: str = Field(index=True)
    shard: int  # of its account
    account_id: str = Field(index=True, foreign_key="account.id")
    deployment_id: str = Field(foreign_key="deployment.id")
    instrument: str
    margin_currency: str = ""  # futures: INR or USDT
    capital: Decimal = Field(sa_type=Money)
    capital_currency: str
    risk: Decimal = Field(sa_type=Money)  # share of capital lost at the stop, 0.01 = 1 %
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    sizing: str = "fixed_risk"  # fixed_risk | leveraged_risk
    max_positions: int = 1
    max_daily_loss: Decimal | None = Field(default=None, sa_type=Money)  # share of capital
    max_notional: Decimal | None = Field(default=None, sa_type=Money)  # in the quote currency
    slippage: Decimal = Field(default=Decimal("0.003"), sa_type=Money)
    max_age_seconds: int = 60
    software_stop: bool = False  # consent, recorded
    opposite: str = "skip"  # skip | close
    symbols_allowed: tuple[str, ...] = Field(default=(), sa_type=Names)
    symbols_denied: tuple[str, ...] = Field(default=(), sa_type=Names)
    state: str = "active"  # active | paused | cancelled
    paused_until_ms: int | None = Field(default=None, sa_type=BigInteger)
    positions: str = "keep"  # keep | close | closed: open ones, once it is cancelled
    created_ms: int = Field(sa_type=BigInteger)
    version: int = 1


class SubscriptionVersionRow(SQLModel, table=True):
    """Each change as it stood, so that an old intent can be explained."""

    __tablename__: ClassVar[str] = "subscription_version"

    subscription_id: str = Field(primary_key=True)
    version: int = Field(primary_key=True)
    body: str = Field(sa_type=Text)
    changed_ms: int = Field(sa_type=BigInteger)
    changed_by: str


subscriptions = table(SubscriptionRow)
subscription_versions = table(SubscriptionVersionRow)


def add(tx: Tx, subscription: Subscription) -> None:
    tx.run(insert(subscriptions), _values(subscription))


def replace(tx: Tx, subscription: Subscription, old_version: int) -> bool:
    """Whether it still stood at the version that the change was made from."""
    return bool(
        tx.run(
            update(subscriptions).where(
                subscriptions.c.id == subscription.id, subscriptions.c.version == old_version
            ),
            _values(subscription),
        )
    )


def add_version(tx: Tx, subscription: Subscription, body: str, by: str) -> None:
    row = {
        "subscription_id": subscription.id,
        "version": subscription.version,
        "body": body,
        "changed_ms": tx.now_ms(),
        "changed_by": by,
    }
    tx.run(insert(subscription_versions), row)


def of_tenant(tx: Tx, tenant: Tenant, identity: str) -> Subscription | None:
    row = tx.first(
        select(subscriptions).where(
            subscriptions.c.id == identity, subscriptions.c.tenant == tenant
        )
    )
    return None if row is None else _subscription(row)


def by_ids(tx: Tx, ids: Collection[str]) -> list[Subscription]:
    query = select(subscriptions).where(among(tx, subscriptions.c.id, ids))
    return [_subscription(row) for row in tx.all(query.order_by(subscriptions.c.id))]


def active(tx: Tx, deployment: str, until_ms: int) -> list[Subscription]:
    query = select(subscriptions).where(
        subscriptions.c.deployment_id == deployment,
        subscriptions.c.state == "active",
        subscriptions.c.created_ms <= until_ms,
    )
    return [_subscription(row) for row in tx.all(query.order_by(subscriptions.c.id))]


def following(tx: Tx, deployment: str, until_ms: int, beside: str | None = None) -> list[AccountId]:
    query = select(subscriptions.c.account_id).where(
        subscriptions.c.deployment_id == deployment,
        subscriptions.c.state == "active",
        subscriptions.c.created_ms <= until_ms,
    )
    if beside is not None:
        query = query.where(subscriptions.c.id != beside)
    return [AccountId(account) for (account,) in tx.all(query)]


def due(tx: Tx, now_ms: int, shards: Collection[int]) -> list[Subscription]:
    """Those whose pause is over."""
    query = select(subscriptions).where(
        subscriptions.c.paused_until_ms <= now_ms,
        subscriptions.c.state == "paused",
        subscriptions.c.shard.in_(sorted(shards)),
    )
    return [_subscription(row) for row in tx.all(query.order_by(subscriptions.c.id).limit(500))]


def counts(tx: Tx, kind: str, ids: Collection[str]) -> dict[str, int]:
    column = subscriptions.c[f"{kind}_id"]
    query = select(column.label("name"), func.count().label("number")).where(
        among(tx, column, ids), subscriptions.c.state != "cancelled"
    )
    return {row.name: row.number for row in tx.all(query.group_by(column))}


def leaving(tx: Tx, shards: Collection[int]) -> list[SubscriptionId]:
    """Cancelled ones whose positions have to go, too."""
    query = select(subscriptions.c.id).where(
        subscriptions.c.positions == "close", subscriptions.c.shard.in_(sorted(shards))
    )
    return [SubscriptionId(row.id) for row in tx.all(query.order_by(subscriptions.c.id))]


def left(tx: Tx, ids: Collection[str]) -> None:
    tx.run(
        update(subscriptions)
        .where(among(tx, subscriptions.c.id, ids), subscriptions.c.positions == "close")
        .values(positions="closed")
    )


def active_among(tx: Tx, ids: Collection[str]) -> frozenset[str]:
    query = select(subscriptions.c.id).where(
        among(tx, subscriptions.c.id, ids), subscriptions.c.state == "active"
    )
    return frozenset(row.id for row in tx.all(query))


def followed_instruments(tx: Tx) -> set[InstrumentId]:
    query = select(subscriptions.c.instrument).where(subscriptions.c.state != "cancelled")
    return {InstrumentId(row.instrument) for row in tx.all(query.distinct())}


def rival(
    tx: Tx, account: str, deployment: str, instrument: str, margin_currency: str
) -> Row[Any] | None:
    """What stands in the way of a new one: the same deployment, or the same futures position."""
    stands = (subscriptions.c.account_id == account, subscriptions.c.state != "cancelled")
    same = subscriptions.c.deployment_id == deployment
    if margin_currency:
        same |= (subscriptions.c.instrument == instrument) & (
            subscriptions.c.margin_currency == margin_currency
        )
    return tx.first(select(subscriptions).where(*stands, same).limit(1))


def subscriptions_page(tx: Tx, tenant: str, asked: Asked) -> Found:
    query = select(subscriptions).where(subscriptions.c.tenant == tenant)
    return page(tx, query, (subscriptions.c.created_ms, subscriptions.c.id), asked)


def versions(tx: Tx, subscription: str) -> list[Row[Any]]:
    query = select(subscription_versions).where(
        subscription_versions.c.subscription_id == subscription
    )
    return list(tx.all(query.order_by(subscription_versions.c.version)))


def versions_page(tx: Tx, subscription: str, asked: Asked) -> Found:
    columns = subscription_versions.c
    query = select(subscription_versions).where(columns.subscription_id == subscription)
    return page(tx, query, (columns.changed_ms, columns.version), asked)


def _values(subscription: Subscription) -> dict[str, Any]:
    return {column.name: getattr(subscription, column.name) for column in subscriptions.c}


_COLUMNS = tuple(column.name for column in subscriptions.c)
assert set(_COLUMNS) == {field.name for field in fields(Subscription)}


def _subscription(row: Row[Any]) -> Subscription:
    """Not by its frozen constructor, which costs more than the query where thousands follow."""
    made = object.__new__(Subscription)
    vars(made).update(zip(_COLUMNS, row, strict=True))
    return made
