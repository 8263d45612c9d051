"""What may be traded and in which steps: the same for a backtest, the paper exchange and CoinDCX.

Fees and rates are shares of a value (0.001 is 0.1 %); prices and values are in the quote currency.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from strategy_runtime.rules.money import MONEY, ZERO

Kind = Literal["spot", "fut"]

ORDER_TYPES = ("limit", "market", "stop_limit", "stop_market")


@dataclass(frozen=True, slots=True)
class Instrument:
    """One venue's rules for one pair. `id` is `spot:{pair}` or `fut:{pair}`."""

    id: str
    kind: Kind
    pair: str
    base: str
    quote: str
    tick_size: Decimal
    quantity_step: Decimal
    min_quantity: Decimal
    min_notional: Decimal
    maker_fee: Decimal
    taker_fee: Decimal
    max_leverage: Decimal = Decimal(1)
    order_types: tuple[str, ...] = ORDER_TYPES
    max_quantity: Decimal | None = None
    # (leverage, largest value of a position that may have it), as the venue publishes them.
    leverage_tiers: tuple[tuple[Decimal, Decimal], ...] = ()
    # Share of a futures position's value that its margin may not fall below.
    maintenance_rate: Decimal = Decimal("0.02")
    active: bool = True
    exit_only: bool = False
    version: int = 1
    max_market_quantity: Decimal | None = None  # of one order at the market: often far tighter
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    # How far beyond the last price a buy may go up, and a sell down, as shares of it.
    band_up: Decimal | None = None
    band_down: Decimal | None = None

    @property
    def is_futures(self) -> bool:
        return self.kind == "fut"

    @property
    def takes_stop_market(self) -> bool:
        return "stop_market" in self.order_types

    def tier_leverage(self, value: Decimal) -> Decimal:
        """The highest leverage that a position of this value may have; 0 if none may."""
        if not self.leverage_tiers:
            return self.max_leverage
        allowed = [leverage for leverage, largest in self.leverage_tiers if value <= largest]
        return min(self.max_leverage, max(allowed, default=ZERO))

    def smallest_quantity(self, price: Decimal) -> Decimal:
        """The least that can be ordered at this price: minimum, step and minimum value together."""
        by_value = MONEY.divide(self.min_notional, price)
        least = max(self.min_quantity, self.quantity_step, by_value)
        steps = MONEY.divide(least, self.quantity_step).to_integral_value("ROUND_CEILING")
        return MONEY.multiply(steps, self.quantity_step)
