"""The instruments that the simulated venue lists, in the venue's own words."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Any

D = Decimal
ONE, BAND = D(1), D(4)
MAKER, TAKER = D("0.0236"), D("0.059")  # percent
ALL_SPOT = ("limit_order", "market_order", "stop_limit", "take_profit_limit")
ALL_FUTURES = (
    "market_order",
    "limit_order",
    "stop_limit",
    "take_profit_limit",
    "stop_market",
    "take_profit_market",
)


@dataclass
class SpotMarket:
    name: str
    pair: str
    target: str
    base: str
    price_decimals: int
    quantity_decimals: int
    min_quantity: Decimal
    max_quantity: Decimal
    max_market: Decimal
    min_price: Decimal
    max_price: Decimal
    min_notional: Decimal
    step: Decimal
    order_types: tuple[str, ...]
    fee: Decimal  # percent
    price: Decimal  # where its path begins
    symbol: str = ""
    status: str = "active"

    def row(self) -> dict[str, Any]:
        return {
            "coindcx_name": self.name,
            "base_currency_short_name": self.base,
            "target_currency_short_name": self.target,
            "target_currency_name": self.target,
            "base_currency_name": self.base,
            "min_quantity": self.min_quantity,
            "max_quantity": self.max_quantity,
            "max_quantity_market": self.max_market,
            "min_price": self.min_price,
            "max_price": self.max_price,
            "min_notional": self.min_notional,
            "base_currency_precision": self.price_decimals,
            "target_currency_precision": self.quantity_decimals,
            "step": self.step,
            "order_types": self.order_types,
            "symbol": self.symbol or self.name,
            "ecode": self.pair.split("-")[0],
            "bo_sl_safety_percent": D(1),
            "max_leverage": None,
            "max_leverage_short": None,
            "pair": self.pair,
            "status": self.status,
        }


@dataclass
class FuturesMarket:
    pair: str
    coin: str
    tick: Decimal
    step: Decimal
    min_quantity: Decimal
    max_quantity: Decimal
    max_market: Decimal
    min_price: Decimal
    max_price: Decimal
    min_notional: Decimal
    price: Decimal
    maker_fee: Decimal = MAKER
    taker_fee: Decimal = TAKER
    band: Decimal = BAND
    funding_hours: int = 8
    liquidation_fee: Decimal = ONE
    exit_only: bool = False
    status: str = "active"
    order_types: tuple[str, ...] = ALL_FUTURES
    # leverage to largest position, and position up to which each percent is kept
    leverage_tiers: tuple[tuple[int, int], ...] = ((5, 15_000_000), (10, 1_000_000), (25, 50_000))
    safety_tiers: tuple[tuple[int, Decimal], ...] = (
        (50_000, D("1.5")),
        (100_000, D(2)),
        (500_000, D(3)),
        (1_000_000, D(5)),
    )

    def row(self, book: str) -> dict[str, Any]:
        top = D(max(leverage for leverage, _ in self.leverage_tiers))
        return {
            "instrument": {
                "settle_currency_short_name": "USDT",
                "quote_currency_short_name": "USDT",
                "position_currency_short_name": self.coin,
                "underlying_currency_short_name": self.coin,
                "status": self.status,
                "pair": self.pair,
                "kind": "perpetual",
                "settlement": "never",
                "max_leverage_long": top,
                "max_leverage_short": top,
                "unit_contract_value": D(1),
                "price_increment": self.tick,
                "quantity_increment": self.step,
                "min_trade_size": self.min_quantity,
                "min_price": self.min_price,
                "max_price": self.max_price,
                "min_quantity": self.min_quantity,
                "max_quantity": self.max_quantity,
                "min_notional": self.min_notional,
                "maker_fee": self.maker_fee,
                "taker_fee": self.taker_fee,
                "safety_percentage": D(2),
                "is_inverse": False,
                "is_quanto": False,
                "allow_post_only": False,
                "allow_hidden": False,
                "max_market_order_quantity": self.max_market,
                "funding_frequency": self.funding_hours,
                "max_notional": D(320_000),
                "expiry_time": 2548162800000,
                "exit_only": self.exit_only,
                "multiplier_up": self.band,
                "multiplier_down": self.band,
                "liquidation_fee": self.liquidation_fee,
                "margin_currency_short_name": book,
                "time_in_force_options": [
                    "good_till_cancel",
                    "immediate_or_cancel",
                    "fill_or_kill",
                ],
                "order_types": self.order_types,
                "dynamic_position_leverage_details": {
                    str(leverage): D(largest) for leverage, largest in self.leverage_tiers
                },
                "dynamic_safety_margin_details": {
                    str(bound): percent for bound, percent in self.safety_tiers
                },
            }
        }

    def maintenance(self, notional: Decimal) -> Decimal:
        """Progressive, as taxes are: each band at its own percent."""
        due, below, percent = D(0), D(0), D(0)
        for bound, percent in self.safety_tiers:
            part = min(notional, D(bound)) - below
            if part <= 0:
                return due
            due += part * percent / 100
            below = D(bound)
        return due + max(D(0), notional - below) * percent / 100

    def safety_percent(self, notional: Decimal) -> Decimal:
        return self.maintenance(notional) / notional * 100 if notional else self.safety_tiers[0][1]


# name, pair, target, base, decimals of price and quantity, smallest and largest quantity, largest
# at market, lowest and highest price, least value, step, order types, fee in percent, first price.
SPOT = """
BTCINR I-BTC_INR BTC INR 1 5 0.00001 2 0.0158 3511201 31600800 100 0.00001 lm 0.59 7890000
ETHINR I-ETH_INR ETH INR 1 4 1e-7 100 1.5 85666.6666666666666 771000 100 0.0001 l 0.59 257000
USDTINR I-USDT_INR USDT INR 2 2 0.01 100000 5000 50 200 100 0.01 lm 0.59 99.8
DOGEINR I-DOGE_INR DOGE INR 4 0 0.001 1000000 20000 5 60 100 1 l 0.59 18.5
BTCUSDT B-BTC_USDT BTC USDT 2 5 0.00001 9000 107 0.01 1000000 5 0.00001 lmst 0.2 79750
ETHUSDT B-ETH_USDT ETH USDT 2 4 0.0001 9000 500 0.01 100000 5 0.0001 lmst 0.2 2570
LYXUSDT KC-LYX_USDT LYX USDT 4 2 0.01 100000 10000 0.001 100 5 0.01 l 0.2 1.25
BONEUSDT G-BONE_USDT BONE USDT 4 2 0.01 100000 10000 0.001 100 5 0.01 l 0.2 0.42
"""
# pair, tick, step, smallest and largest quantity, largest at market, lowest and highest price,
# least value, first price.
FUTURES = """
B-BTC_USDT 0.1 0.001 0.001 950 120 4000 800000 60 79750
B-ETH_USDT 0.01 0.001 0.001 9500 1500 100 30000 24 2570
B-SOL_USDT 0.01 0.01 0.01 95000 9500 1 5000 6 107.5
"""
ORDER_TYPES = dict(zip("lmst", ALL_SPOT, strict=True))
FOREIGN_SYMBOLS = {"LYXUSDT": "LYX-USDT", "BONEUSDT": "BONE_USDT"}


def spot_catalogue() -> dict[str, SpotMarket]:
    return {each.name: each for each in map(_spot_market, SPOT.split("\n")[1:-1])}


def futures_catalogue() -> dict[str, FuturesMarket]:
    return {each.pair: each for each in map(_futures_market, FUTURES.split("\n")[1:-1])}


def _spot_market(line: str) -> SpotMarket:
    name, pair, target, base, price_decimals, quantity_decimals, *rest = line.split()
    least, most, at_market, low, high, notional, step = map(D, rest[:7])
    kinds, fee, price = rest[7:]
    return SpotMarket(
        name=name,
        pair=pair,
        target=target,
        base=base,
        price_decimals=int(price_decimals),
        quantity_decimals=int(quantity_decimals),
        min_quantity=least,
        max_quantity=most,
        max_market=at_market,
        min_price=low,
        max_price=high,
        min_notional=notional,
        step=step,
        order_types=tuple(ORDER_TYPES[letter] for letter in kinds),
        fee=D(fee),
        price=D(price),
        symbol=FOREIGN_SYMBOLS.get(name, name),
    )


def _futures_market(line: str) -> FuturesMarket:
    pair, *rest = line.split()
    tick, step, least, most, at_market, low, high, notional, price = map(D, rest)
    return FuturesMarket(
        pair=pair,
        coin=pair[2:].split("_")[0],
        tick=tick,
        step=step,
        min_quantity=least,
        max_quantity=most,
        max_market=at_market,
        min_price=low,
        max_price=high,
        min_notional=notional,
        price=price,
    )
