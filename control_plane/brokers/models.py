"""The port to a venue: what we ask of one and what it tells us, the same for paper and CoinDCX.

Every request carries the timestamp that stands in its write-ahead row; a venue adapter signs with
that one and never with a fresh one, so that an old process that wakes up late cannot place an
order. Every answer is one of three: accepted (a value), refused (`OrderRefused`), or not known
(`OutcomeUnknown`); `NotSent` says that nothing left us.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, Protocol

from control_plane.core.ids import AccountId, ClientOrderId, InstrumentId
from strategy_runtime.rules.instruments import Instrument

Side = Literal["buy", "sell"]
OrderKind = Literal["limit", "market", "stop_market", "stop_limit", "take_profit"]
OrderState = Literal["untriggered", "open", "partial", "filled", "cancelled", "rejected"]
# What made an order: ours, or the position it belongs to.
Stage = Literal["default", "exit", "stop", "target", "liquidation"]

DONE: frozenset[OrderState] = frozenset({"filled", "cancelled", "rejected"})


@dataclass(frozen=True, slots=True)
class Profile:
    """What a venue promises, as far as our safety leans on it."""

    venue: str
    window_seconds: float  # an order signed longer ago is refused
    timestamp_enforced: bool  # proved, so that an entry may be sent again
    client_ids: frozenset[str]  # kinds of instruments whose orders carry our id
    free_is_live: bool  # balances are the venue's own at every call


@dataclass(frozen=True, slots=True)
class OrderRequest:
    """One order, and all that identifies it when its fate has to be looked up."""

    account: AccountId
    instrument: Instrument
    client_order_id: ClientOrderId
    side: Side
    kind: OrderKind
    quantity: Decimal
    signed_ms: int
    price: Decimal | None = None
    trigger_price: Decimal | None = None
    leverage: Decimal = Decimal(1)
    margin_currency: str = ""
    stop_loss: Decimal | None = None  # futures: for the position, with the order
    take_profit: Decimal | None = None
    closes: bool = False  # futures: the position's own exit, whatever its size
    # When it is looked up by what it looks like: ids of our other orders, for it is none of those.
    taken: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Accepted:
    exchange_order_id: str
    state: OrderState = "open"


@dataclass(frozen=True, slots=True)
class VenueOrder:
    account: AccountId
    exchange_order_id: str
    client_order_id: str
    instrument: InstrumentId
    margin_currency: str
    side: Side
    kind: OrderKind
    state: OrderState
    quantity: Decimal
    filled: Decimal
    price: Decimal | None
    trigger_price: Decimal | None
    created_ms: int
    stage: Stage = "default"
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class VenueFill:
    account: AccountId
    fill_id: str
    exchange_order_id: str
    client_order_id: str
    instrument: InstrumentId
    margin_currency: str
    side: Side
    quantity: Decimal
    price: Decimal
    fee: Decimal
    fee_currency: str
    at_ms: int  # the market's time
    stage: Stage
    cursor: str  # ask for what came after this


@dataclass(frozen=True, slots=True)
class Balance:
    wallet: str  # paper | spot | futures
    currency: str
    free: Decimal
    locked: Decimal


@dataclass(frozen=True, slots=True)
class Position:
    """A futures position of one margin book; spot positions are balances."""

    account: AccountId
    instrument: InstrumentId
    margin_currency: str
    quantity: Decimal  # signed: short is negative
    entry_price: Decimal
    leverage: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    liquidation_price: Decimal | None


class Broker(Protocol):
    """One venue, for all accounts that we have there."""

    @property
    def profile(self) -> Profile: ...

    async def place(self, order: OrderRequest) -> Accepted:
        """Send it once; never repeated underneath. With `closes`, the position's own exit."""
        ...

    async def cancel(self, order: OrderRequest, exchange_order_id: str | None) -> None:
        """Ask for it. Accepted is not cancelled: look. `OrderRefused` means that it was done."""
        ...

    async def find(self, order: OrderRequest, exchange_order_id: str | None) -> VenueOrder | None:
        """The order as the venue has it, by its id or by all that identifies it; None is absent."""
        ...

    async def open_orders(
        self, account: AccountId, instrument: Instrument
    ) -> Sequence[VenueOrder]: ...

    async def fills_since(self, cursors: Mapping[AccountId, str]) -> Sequence[VenueFill]:
        """Fills after each account's cursor ("" is the beginning), in order. Repeats may come."""
        ...

    async def balances(
        self, accounts: Sequence[AccountId]
    ) -> Mapping[AccountId, Sequence[Balance]]: ...

    async def positions(self, accounts: Sequence[AccountId]) -> Sequence[Position]:
        """Open futures positions. An account that is not in the answer has none."""
        ...

    async def protect(
        self,
        account: AccountId,
        instrument: Instrument,
        margin_currency: str,
        stop_loss: Decimal,
        take_profit: Decimal | None,
    ) -> None:
        """Stop and target for the whole of a futures position. Safe to repeat."""
        ...
