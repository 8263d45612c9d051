"""Intents, orders, fills, trades: from what we mean to do in an account to what it came to.

The constraints are the second wall behind the state table in `models`: a late, stale or repeated
write is refused by the database itself.
"""

from decimal import Decimal
from typing import ClassVar

from sqlalchemy import BigInteger, CheckConstraint, Index, Text, UniqueConstraint, text
from sqlmodel import Field, SQLModel

from control_plane.infra.db import Money, table

DOUBT = text("state IN ('SENDING','UNKNOWN')")
EXITING = text(
    "leg = 'exit' AND state NOT IN "
    "('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"
)
READY = text("state = 'READY'")
OF_TRADE = text("trade_id IS NOT NULL")
BOUND = text("exchange_order_id IS NOT NULL")


class IntentRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "intent"
    __table_args__ = (
        UniqueConstraint("signal_id", "subscription_id", "leg", "gen"),
        CheckConstraint("leg IN ('entry','sl','tp','exit')", name="leg_known"),
        CheckConstraint(
            "state IN ('PLANNED','DENIED','READY','SENDING','UNKNOWN','OPEN','PARTIAL',"
            "'CANCELLING','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')",
            name="state_known",
        ),
        # A float comparison of two exact numbers can be blind to a last digit, never wrong in the
        # refusal.
        CheckConstraint("CAST(quantity AS DOUBLE PRECISION) > 0", name="quantity_positive"),
        CheckConstraint(
            "CAST(filled AS DOUBLE PRECISION) >= 0 AND "
            "CAST(filled AS DOUBLE PRECISION) <= CAST(quantity AS DOUBLE PRECISION)",
            name="not_overfilled",
        ),
        CheckConstraint(
            "state NOT IN ('SENDING','UNKNOWN') OR "
            "(signed_ms IS NOT NULL AND attempt > 0 AND risk IS NOT NULL)",
            name="written_ahead",
        ),
        CheckConstraint(
            "state NOT IN ('DENIED','REJECTED','ABANDONED','QUARANTINED') OR reason IS NOT NULL",
            name="reasoned",
        ),
        Index(
            "uq_intent_in_doubt",
            "account_id",
            "instrument",
            "margin_currency",
            "leg",
            unique=True,
            sqlite_where=DOUBT,
            postgresql_where=DOUBT,
        ),
        # A position has one way out at a time.
        Index(
            "uq_intent_exit",
            "trade_id",
            unique=True,
            sqlite_where=EXITING,
            postgresql_where=EXITING,
        ),
        Index("ix_intent_trade", "trade_id", sqlite_where=OF_TRADE, postgresql_where=OF_TRADE),
        Index("ix_intent_work", "state", "shard"),
        # In the order in which they leave: reading the next few reads no others.
        Index(
            "ix_intent_ready",
            "leg",
            "planned_ms",
            "rank",
            "id",
            sqlite_where=READY,
            postgresql_where=READY,
        ),
        Index("ix_intent_subscription", "subscription_id", "state"),
    )

    id: str = Field(primary_key=True)
    signal_id: str | None = Field(default=None)  # none: by hand, by a stop of ours, by a halt
    subscription_id: str
    account_id: str
    tenant: str
    shard: int
    deployment_id: str
    instrument: str
    margin_currency: str = ""
    venue: str
    leg: str
    gen: int = 0
    trade_id: str | None = Field(default=None)  # what it protects or closes
    # What must be over first: for an entry the trade that it turns, for an exit its entry.
    waits_for: str | None = None
    trigger_ms: int = Field(default=0, sa_type=BigInteger)  # of its signal
    side: str  # buy | sell
    kind: str  # limit | market | stop_market
    quantity: Decimal = Field(sa_type=Money)
    filled: Decimal = Field(default=Decimal(0), sa_type=Money)
    limit_price: Decimal | None = Field(default=None, sa_type=Money)
    trigger_price: Decimal | None = Field(default=None, sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    slippage: Decimal = Field(default=Decimal(0), sa_type=Money)
    state: str = "PLANNED"
    reason: str | None = None
    attempt: int = 0
    number: int = 0  # re-pricings: each has an order of its own
    signed_ms: int | None = Field(default=None, sa_type=BigInteger)
    retry_ms: int = Field(default=0, sa_type=BigInteger)  # not before this
    looks: int = 0  # successful ones after the settle time that found nothing
    looked_ms: int | None = Field(default=None, sa_type=BigInteger)
    expires_ms: int | None = Field(
        default=None, sa_type=BigInteger
    )  # entries only: an exit never expires
    rank: int = 0  # its place in the shuffled order
    risk: str | None = Field(default=None, sa_type=Text)  # the risk decision that let it out
    explain: str = Field(default="{}", sa_type=Text)  # with its plan's `shared`: the quantity
    epoch: int = Field(default=0, sa_type=BigInteger)
    version: int = 0
    planned_ms: int = Field(sa_type=BigInteger)
    sent_ms: int | None = Field(default=None, sa_type=BigInteger)
    done_ms: int | None = Field(default=None, sa_type=BigInteger)


class PlanRow(SQLModel, table=True):
    """One signal, planned once: what all of its intents and skips share."""

    __tablename__: ClassVar[str] = "plan"

    signal_id: str = Field(primary_key=True)
    deployment_id: str = Field(index=True)
    shard: int
    seed: int = Field(sa_type=BigInteger)  # shuffled the order across accounts
    shared: str = Field(default="{}", sa_type=Text)  # the part of each explain record that is alike
    intents: int
    skips: int
    planned_ms: int = Field(sa_type=BigInteger)
    took_us: int = Field(sa_type=BigInteger)


class SkipRow(SQLModel, table=True):
    """Why a subscription did nothing at a signal. For each active one there is an intent or
    this.
    """

    __tablename__: ClassVar[str] = "skip"

    signal_id: str = Field(primary_key=True)
    subscription_id: str = Field(primary_key=True)
    tenant: str
    shard: int
    instrument: str
    reason: str
    detail: str = Field(default="{}", sa_type=Text)
    at_ms: int = Field(sa_type=BigInteger)


class OrderRow(SQLModel, table=True):
    """What the exchange knows; an intent may need several."""

    __tablename__: ClassVar[str] = "orders"
    __table_args__ = (
        UniqueConstraint("account_id", "client_order_id"),
        Index(
            "uq_orders_bound",
            "account_id",
            "exchange_order_id",
            unique=True,
            sqlite_where=BOUND,
            postgresql_where=BOUND,
        ),
        Index("ix_orders_open", "state", "shard"),
        Index("ix_orders_venue", "venue", "signed_ms"),
    )

    id: str = Field(primary_key=True)
    intent_id: str = Field(index=True, foreign_key="intent.id")
    account_id: str
    tenant: str
    shard: int
    instrument: str
    margin_currency: str = ""
    venue: str
    client_order_id: str
    exchange_order_id: str | None = None
    number: int = 0  # re-pricings of the intent
    attempt: int = 0
    side: str
    kind: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal | None = Field(default=None, sa_type=Money)
    trigger_price: Decimal | None = Field(default=None, sa_type=Money)
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    closes: bool = False  # a futures position's own exit
    filled: Decimal = Field(default=Decimal(0), sa_type=Money)  # by our fills
    # An intent's states but the first two and the unsent ends; READY was held back before it left.
    state: str = "SENDING"
    reason: str | None = None
    body_sha256: str = ""
    signed_ms: int = Field(sa_type=BigInteger)
    acknowledged_ms: int | None = Field(default=None, sa_type=BigInteger)
    cancel_ms: int | None = Field(default=None, sa_type=BigInteger)  # asked to be cancelled
    done_ms: int | None = Field(default=None, sa_type=BigInteger)
    epoch: int = Field(default=0, sa_type=BigInteger)
    version: int = 0


class VenueReplyRow(SQLModel, table=True):
    """An answer of a venue's about an order, as it came but for what is private. Forgotten after a
    while; what it changed stays.
    """

    __tablename__: ClassVar[str] = "venue_reply"
    __table_args__ = (
        Index("ix_venue_reply_intent", "intent_id", "id"),
        Index("ix_venue_reply_at", "at_ms"),
    )

    id: int | None = Field(default=None, primary_key=True)
    intent_id: str
    tenant: str
    shard: int
    client_order_id: str
    asked: str  # create | look
    method: str
    path: str
    status: int
    body: str = Field(sa_type=Text)
    at_ms: int = Field(sa_type=BigInteger)


class FillRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "fill"
    __table_args__ = (
        CheckConstraint("CAST(quantity AS DOUBLE PRECISION) > 0", name="quantity_positive"),
        CheckConstraint("CAST(price AS DOUBLE PRECISION) > 0", name="price_positive"),
    )

    account_id: str = Field(primary_key=True)
    exchange_fill_id: str = Field(primary_key=True)
    order_id: str = Field(index=True, foreign_key="orders.id")
    intent_id: str = Field(index=True)
    subscription_id: str = Field(index=True)
    trade_id: str | None = Field(default=None, index=True)
    tenant: str
    shard: int
    instrument: str
    side: str
    quantity: Decimal = Field(sa_type=Money)
    price: Decimal = Field(sa_type=Money)
    fee: Decimal = Field(sa_type=Money)
    fee_currency: str
    stage: str = "default"  # default | exit | stop | target | liquidation
    at_ms: int = Field(sa_type=BigInteger)  # the market's time
    recorded_ms: int = Field(sa_type=BigInteger)


class StrayFillRow(SQLModel, table=True):
    """A fill of an order that is in no row of ours: somebody's hand, or one of ours whose name the
    venue has not told us yet.
    """

    __tablename__: ClassVar[str] = "stray_fill"
    __table_args__ = (Index("ix_stray_fill_order", "account_id", "exchange_order_id"),)

    account_id: str = Field(primary_key=True)
    exchange_fill_id: str = Field(primary_key=True)
    exchange_order_id: str
    instrument: str
    body: str = Field(sa_type=Text)  # as the venue told it
    seen_ms: int = Field(index=True, sa_type=BigInteger)


class CursorRow(SQLModel, table=True):
    """How far an account's fills are read."""

    __tablename__: ClassVar[str] = "fill_cursor"

    account_id: str = Field(primary_key=True)
    cursor: str


class TradeRow(SQLModel, table=True):
    """A position of one subscription from flat to flat."""

    __tablename__: ClassVar[str] = "trade"
    __table_args__ = (
        Index(
            "uq_trade_open",
            "subscription_id",
            "instrument",
            unique=True,
            sqlite_where=text("state <> 'closed'"),
            postgresql_where=text("state <> 'closed'"),
        ),
        Index("ix_trade_shard", "shard", "state"),
    )

    id: str = Field(primary_key=True)
    subscription_id: str = Field(index=True)
    account_id: str = Field(index=True)
    deployment_id: str = Field(index=True)
    tenant: str
    shard: int
    instrument: str
    margin_currency: str = ""
    side: str  # LONG | SHORT
    venue: str
    # unprotected | protected | unstopped | exiting | closed; a live entry intent without a trade
    # is what is entering
    state: str = "unprotected"
    position_generation: int = 1
    entry_intent_id: str = Field(unique=True)
    entry_signal_id: str | None = None
    entry_trigger_ms: int = Field(default=0, sa_type=BigInteger)
    exit_signal_id: str | None = None
    exit_reason: str | None = None  # signal | stop | target | hand | daily_loss | halt | liquidated
    quantity: Decimal = Field(default=Decimal(0), sa_type=Money)  # held now
    # Too little to sell, and what it cost: left by this trade until the next one takes it over.
    dust: Decimal = Field(default=Decimal(0), sa_type=Money)
    dust_value: Decimal = Field(default=Decimal(0), sa_type=Money)
    entered: Decimal = Field(default=Decimal(0), sa_type=Money)
    exited: Decimal = Field(default=Decimal(0), sa_type=Money)
    entry_value: Decimal = Field(default=Decimal(0), sa_type=Money)
    exit_value: Decimal = Field(default=Decimal(0), sa_type=Money)
    fees: Decimal = Field(default=Decimal(0), sa_type=Money)
    pnl: Decimal | None = Field(
        default=None, sa_type=Money
    )  # realised, after fees, in the quote currency
    currency: str = ""
    stop_loss: Decimal | None = Field(default=None, sa_type=Money)
    take_profit: Decimal | None = Field(default=None, sa_type=Money)
    leverage: Decimal = Field(default=Decimal(1), sa_type=Money)
    slippage: Decimal = Field(default=Decimal(0), sa_type=Money)
    software_stop: bool = False
    naked_since_ms: int | None = Field(default=None, sa_type=BigInteger)
    protect_attempts: int = 0
    retry_ms: int = Field(default=0, sa_type=BigInteger)
    opened_ms: int = Field(sa_type=BigInteger)
    closed_ms: int | None = Field(default=None, sa_type=BigInteger)
    epoch: int = Field(default=0, sa_type=BigInteger)
    version: int = 0


class ExposureOwnerRow(SQLModel, table=True):
    """One subscription to an account and futures position: its stop and target belong to the whole
    of it.
    """

    __tablename__: ClassVar[str] = "exposure_owner"

    account_id: str = Field(primary_key=True)
    position: str = Field(primary_key=True)
    subscription_id: str


class HaltRow(SQLModel, table=True):
    __tablename__: ClassVar[str] = "halt"

    scope: str = Field(
        primary_key=True
    )  # platform, venue:…, deployment:…, user:…, account:…, instrument:…
    mode: str  # halt_new | reduce_only | flatten
    active: bool = True
    reason: str = ""
    by_user: str
    cause: str = ""  # of one that nobody ordered: refused, doubt, books, rush, clock, stale
    holder: str = ""  # the process that saw it
    at_ms: int = Field(sa_type=BigInteger)


class AlarmRow(SQLModel, table=True):
    """Something that must always hold and does not, until it does again."""

    __tablename__: ClassVar[str] = "alarm"

    rule: str = Field(primary_key=True)  # I1, I2, …
    subject: str = Field(primary_key=True)
    what: str = Field(sa_type=Text)
    shard: int
    since_ms: int = Field(sa_type=BigInteger)


class BudgetRow(SQLModel, table=True):
    """A limit that is reserved from, guarded in the row: `used` never passes `max`."""

    __tablename__: ClassVar[str] = "budget"

    scope: str = Field(primary_key=True)
    window_start_ms: int = Field(primary_key=True, sa_type=BigInteger)
    used: int = Field(default=0, sa_type=BigInteger)
    max: int = Field(sa_type=BigInteger)


class LedgerRow(SQLModel, table=True):
    """Every amount that a trade gained or cost, as a line of its own."""

    __tablename__: ClassVar[str] = "ledger"
    __table_args__ = (UniqueConstraint("account_id", "kind", "reference"),)

    id: str = Field(primary_key=True)
    account_id: str = Field(index=True)
    subscription_id: str = Field(index=True)
    trade_id: str | None = Field(default=None, index=True)
    tenant: str
    shard: int
    kind: str  # pnl | fee | funding | tds
    amount: Decimal = Field(sa_type=Money)
    currency: str
    reference: str  # what it came from: a fill, a funding event
    at_ms: int = Field(sa_type=BigInteger)


plans = table(PlanRow)
intents = table(IntentRow)
skips = table(SkipRow)
orders = table(OrderRow)
fills = table(FillRow)
venue_replies = table(VenueReplyRow)
stray_fills = table(StrayFillRow)
cursors = table(CursorRow)
trades = table(TradeRow)
exposure_owners = table(ExposureOwnerRow)
halts = table(HaltRow)
alarms = table(AlarmRow)
budgets = table(BudgetRow)
ledger = table(LedgerRow)
