"""The venue's rulebook as our instruments, and its many names for one thing. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import lcm

from control_plane.brokers.coindcx.models_public import FuturesInstrument, Market
from control_plane.brokers.coindcx.venue import VenueSettings
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO

HUNDRED = Decimal(100)
SPOT_KINDS = {"limit_order": "limit", "market_order": "market"}
SPOT_STOPS = {"stop_limit": "stop_limit", "take_profit_limit": "take_profit"}
FUTURES_KINDS = {
    "limit_order": "limit",
    "market_order": "market",
    "stop_limit": "stop_limit",
    "stop_market": "stop_market",
}


@dataclass(frozen=True)
class Catalogue:
    """Spot markets by what orders call them."""

    markets: Mapping[str, Market] = field(default_factory=dict)

    @staticmethod
    def of(markets: Iterable[Market]) -> "Catalogue":
        return Catalogue({market.name: market for market in markets})

    def pair_of(self, name: str, ecode: str) -> tuple[str, str] | None:
        """Pair and quote of a market, also of one that was delisted since: its name ends in what
        prices it.
        """
        if (market := self.markets.get(name)) is not None:
            return market.pair, market.quote
        quotes = sorted({each.quote for each in self.markets.values()}, key=len, reverse=True)
        for quote in quotes:
            base = name.removesuffix(quote)
            if ecode and base and base != name:
                return f"{ecode}-{base}_{quote}", quote
        return None


def spot_instrument(market: Market, settings: VenueSettings) -> Instrument:
    step = common_step(market.step, Decimal(1).scaleb(-market.quantity_decimals))
    fee = settings.spot_fee(market.quote) / HUNDRED
    kinds = SPOT_KINDS | (SPOT_STOPS if settings.spot_stop_orders else {})
    return Instrument(
        id=f"spot:{market.pair}",
        kind="spot",
        pair=market.pair,
        base=market.base,
        quote=market.quote,
        tick_size=Decimal(1).scaleb(-market.price_decimals),
        quantity_step=step,
        min_quantity=_ceiled(max(market.min_quantity, step), step),
        min_notional=market.min_notional * settings.notional_margin,
        maker_fee=fee,
        taker_fee=fee,
        order_types=tuple(kinds[each] for each in market.order_types if each in kinds),
        max_quantity=market.max_quantity,
        max_market_quantity=market.max_market_quantity or None,
        min_price=market.min_price or None,
        max_price=market.max_price,
        active=market.active,
    )


def futures_instrument(rules: FuturesInstrument) -> Instrument:
    """Of one margin book: tiers differ between the books."""
    step = rules.quantity_increment
    percents = [percent for _, percent in rules.maintenance_tiers]
    return Instrument(
        id=f"fut:{rules.pair}",
        kind="fut",
        pair=rules.pair,
        base=rules.base,
        quote=rules.quote,
        tick_size=rules.price_increment,
        quantity_step=step,
        min_quantity=_ceiled(max(rules.min_quantity, step), step),
        min_notional=rules.min_notional,
        maker_fee=rules.maker_percent / HUNDRED,
        taker_fee=rules.taker_percent / HUNDRED,
        max_leverage=max((each for each, _ in rules.leverage_tiers), default=Decimal(1)),
        order_types=tuple(
            FUTURES_KINDS[each] for each in rules.order_types if each in FUTURES_KINDS
        ),
        max_quantity=rules.max_quantity,
        max_market_quantity=rules.max_market_quantity or None,
        min_price=rules.min_price or None,
        max_price=rules.max_price,
        band_up=rules.band_up_percent / HUNDRED or None,
        band_down=rules.band_down_percent / HUNDRED or None,
        leverage_tiers=rules.leverage_tiers,
        # Bands are progressive; the dearest band's rate for all of it errs toward less leverage.
        maintenance_rate=max(percents, default=Decimal(2)) / HUNDRED,
        active=rules.active,
        exit_only=rules.exit_only,
    )


def common_step(one: Decimal, other: Decimal) -> Decimal:
    """The smallest amount that is a multiple of both."""
    if one <= 0 or other <= 0:
        return max(one, other)
    exponent = min(_exponent(one), _exponent(other), 0)
    return Decimal(lcm(int(one.scaleb(-exponent)), int(other.scaleb(-exponent)))).scaleb(exponent)


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return exponent if isinstance(exponent, int) else 0


def _ceiled(value: Decimal, step: Decimal) -> Decimal:
    rest = value % step
    return value if rest == ZERO else value - rest + step
