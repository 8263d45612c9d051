"""The venue's rulebook as our instruments, and its many names for one thing. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from functools import reduce
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


def strictest(books: Sequence[Instrument]) -> Instrument:
    """One contract's rules in several margin books as one: an order that these allow, each of the
    books allows.
    """
    first = books[0]
    bounds = sorted({largest for each in books for _, largest in each.leverage_tiers})
    tiers = [(min(each.tier_leverage(bound) for each in books), bound) for bound in bounds]
    return replace(
        first,
        quantity_step=_common([each.quantity_step for each in books]),
        tick_size=_common([each.tick_size for each in books]),
        min_quantity=max(each.min_quantity for each in books),
        min_notional=max(each.min_notional for each in books),
        maker_fee=max(each.maker_fee for each in books),
        taker_fee=max(each.taker_fee for each in books),
        max_leverage=min(each.max_leverage for each in books),
        leverage_tiers=tuple(tier for tier in tiers if tier[0] >= 1),
        order_types=tuple(
            kind for kind in first.order_types if all(kind in each.order_types for each in books)
        ),
        maintenance_rate=max(each.maintenance_rate for each in books),
        max_quantity=_least([each.max_quantity for each in books]),
        max_market_quantity=_least([each.max_market_quantity for each in books]),
        min_price=_most([each.min_price for each in books]),
        max_price=_least([each.max_price for each in books]),
        band_up=_least([each.band_up for each in books]),
        band_down=_least([each.band_down for each in books]),
        active=all(each.active for each in books),
        exit_only=any(each.exit_only for each in books),
    )


def _common(steps: Sequence[Decimal]) -> Decimal:
    return reduce(common_step, steps)


def _least(limits: Sequence[Decimal | None]) -> Decimal | None:
    return min((limit for limit in limits if limit is not None), default=None)


def _most(limits: Sequence[Decimal | None]) -> Decimal | None:
    return max((limit for limit in limits if limit is not None), default=None)


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
