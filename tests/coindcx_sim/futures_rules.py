"""Is a futures order legal? Every refusal of the reference, in its words."""

from decimal import Decimal
from typing import Any

from tests.coindcx_sim.accounts import Account, Position
from tests.coindcx_sim.answers import Refusal, plain
from tests.coindcx_sim.markets import FuturesMarket
from tests.coindcx_sim.spot_rules import number
from tests.coindcx_sim.world import World

PRICED = ("limit_order", "stop_limit", "take_profit_limit")
TRIGGERED = ("stop_limit", "take_profit_limit", "stop_market", "take_profit_market")
BOOKS = ("USDT", "INR")
FORCES = ("good_till_cancel", "immediate_or_cancel", "fill_or_kill")


def checked(world: World, account: Account, fields: dict[str, Any]) -> FuturesMarket:
    market = _known(world, fields)
    kind = fields["order_type"]
    quantity = number(fields.get("total_quantity"))
    if quantity is None or quantity <= 0:
        raise Refusal(500, "")
    price, stop = number(fields.get("price")), number(fields.get("stop_price"))
    _quantity(market, kind, quantity)
    line = world.tape.line(market.pair)
    if kind in PRICED:
        if price is None or price <= 0:
            raise Refusal(422, f"Price can't be empty for {kind} Order")
        _price(market, fields["side"], price, line.last)
    if kind in TRIGGERED:
        _trigger(fields["side"], kind, stop, price, line.last)

    position = account.positions.get((market.pair, fields["margin_currency_short_name"]))
    value = (price or line.last) * quantity
    if value < market.min_notional and not reduces(position, fields["side"], quantity):
        raise Refusal(400, f"Minimum order value should be {plain(market.min_notional)} USDT")
    _leverage(market, account, position, fields, value)
    return market


def reduces(position: Position | None, side: str, quantity: Decimal) -> bool:
    if position is None or not position.quantity:
        return False
    against = position.quantity < 0 if side == "buy" else position.quantity > 0
    return against and quantity <= abs(position.quantity)


def tier_leverage(market: FuturesMarket, value: Decimal) -> int:
    return max((lev for lev, largest in market.leverage_tiers if value <= largest), default=0)


def tier_value(market: FuturesMarket, leverage: Decimal) -> Decimal:
    return Decimal(
        max((largest for lev, largest in market.leverage_tiers if lev >= leverage), default=0)
    )


def _known(world: World, fields: dict[str, Any]) -> FuturesMarket:
    fields.setdefault("margin_currency_short_name", "USDT")
    market = world.futures.get(str(fields.get("pair")))
    kind, force = fields.get("order_type"), fields.get("time_in_force")
    if market is None or fields.get("side") not in ("buy", "sell"):
        raise Refusal(422, "Invalid Request")
    silent = world.switches.notification_required and not fields.get("notification")
    if fields["margin_currency_short_name"] not in BOOKS or silent:
        raise Refusal(422, "Invalid Request")
    if market.status != "active":
        raise Refusal(400, "Instrument is not active")
    if kind not in market.order_types:
        raise Refusal(422, "Order type not allowed")
    if force is not None and (force not in FORCES or kind == "market_order"):
        raise Refusal(422, "Invalid Request")
    kinds = (
        ("isolated", "crossed") if fields["margin_currency_short_name"] == "USDT" else ("isolated",)
    )
    if fields.get("position_margin_type", "isolated") not in kinds:
        raise Refusal(422, "Invalid Request")
    return market


def _quantity(market: FuturesMarket, kind: str, quantity: Decimal) -> None:
    if quantity < market.min_quantity:
        raise Refusal(422, f"Quantity should be greater than {plain(market.min_quantity)}")
    variant = "limit" if kind in PRICED else "market"
    largest = market.max_quantity if variant == "limit" else market.max_market
    if quantity > largest:
        text = f"Quantity for {variant} variant orders should be less than {plain(largest)}"
        raise Refusal(422, text)
    if quantity % market.step:
        raise Refusal(400, f"Quantity should be divisible by {plain(market.step)}")


def _price(market: FuturesMarket, side: str, price: Decimal, last: Decimal) -> None:
    if price % market.tick:
        raise Refusal(400, f"Price should be divisible by {plain(market.tick)}")
    if not market.min_price <= price <= market.max_price:
        raise Refusal(400, "Price is out of permissible range")
    highest, lowest = last * (1 + market.band / 100), last * (1 - market.band / 100)
    if side == "buy" and price > highest:
        raise Refusal(400, f"Please enter a value lower than {plain(highest)}")
    if side == "sell" and price < lowest:
        raise Refusal(400, f"Please enter a value higher than {plain(lowest)}")


def _trigger(
    side: str, kind: str, stop: Decimal | None, price: Decimal | None, last: Decimal
) -> None:
    if stop is None or stop <= 0:
        raise Refusal(422, "Invalid Request")
    above = (side == "buy") == kind.startswith("stop")
    if (stop <= last) if above else (stop >= last):
        word = "greater" if above else "less"
        raise Refusal(400, f"Trigger price should be {word} than the current price")
    if price is None:
        return
    limit_above = (side == "buy") == (kind == "stop_limit")
    if kind == "take_profit_limit":
        limit_above = side == "buy"
    if (price <= stop) if limit_above else (price >= stop):
        word = "greater" if limit_above else "less"
        raise Refusal(400, f"Limit price should be {word} than the trigger price")


def _leverage(
    market: FuturesMarket,
    account: Account,
    position: Position | None,
    fields: dict[str, Any],
    value: Decimal,
) -> None:
    book = fields["margin_currency_short_name"]
    sticky = account.leverages.get((market.pair, book))
    asked = number(fields.get("leverage")) or sticky or Decimal(1)
    if sticky is not None and asked != sticky:
        raise Refusal(422, "Order leverage must be equal to position leverage")
    if asked < 1:
        raise Refusal(400, "Leverage cannot be less than 1x")
    fields["leverage"] = asked
    if reduces(position, fields["side"], number(fields["total_quantity"]) or Decimal(0)):
        return
    if market.exit_only:
        text = "Instrument is in exit-only mode. You can\u2019t add more position."
        raise Refusal(400, text)
    held = abs(position.quantity) * position.average if position else Decimal(0)
    largest = tier_value(market, asked)
    if held + value > largest:
        text = f"Order is exceeding the max allowed position of {plain(largest)} USDT."
        raise Refusal(400, text)
