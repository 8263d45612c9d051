"""Subscriptions: a trader's standing order to mirror a deployment's signals in one account."""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, Index, Text
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table


class SubscriptionRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "subscription"
    __table_args__ = (Index("ix_subscription_active", "deployment_id", "state"),)

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
    state: str = "active"  # active | paused | cancelled
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
