"""Is a spot order legal? In the venue's order: fields, market rules, client id, cap."""

from decimal import Decimal
from typing import Any

from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.answers import Refusal, invalid, plain
from tests.coindcx_sim.markets import SpotMarket
from tests.coindcx_sim.world import World

OPEN_ORDERS = 25
STOPS = ("stop_limit", "take_profit_limit")


def number(value: Any) -> Decimal | None:
    """A JSON number, or a number as text; the venue has taken both."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | Decimal):
        return Decimal(value)
    if isinstance(value, str):
        try:
            found = Decimal(value)
        except ArithmeticError:
            return None
        return found if found.is_finite() else None
    return None


def checked(world: World, account: Account, fields: dict[str, Any]) -> SpotMarket:
    """The market of a legal order; `Refusal` for any other."""
    if fields.get("side") not in ("buy", "sell") or not isinstance(fields.get("order_type"), str):
        raise invalid()
    market = world.spot.get(str(fields.get("market")))
    if market is None or market.status != "active":
        raise Refusal(422, "Currency pair is not valid")
    quantity = number(fields.get("total_quantity"))
    if quantity is None or quantity <= 0:
        raise Refusal(422, "total_quantity must be a positive number", "BFF-SO-004")
    _client_id(fields)

    kind = fields["order_type"]
    if kind not in market.order_types or (kind in STOPS and not world.switches.spot_stops):
        raise Refusal(422, "Order type not allowed")
    price = number(fields.get("price_per_unit"))
    if kind != "market_order" and (price is None or price <= 0):
        raise invalid()
    if kind in STOPS and (number(fields.get("stop_price")) or 0) <= 0:
        raise invalid()
    _quantity(market, kind, quantity)
    if kind != "market_order" and price is not None:
        _price(market, price)
    reference = world.tape.line(market.name).ask if kind == "market_order" else price
    if reference is not None and reference * quantity < market.min_notional:
        least = f"Minimum order value should be {plain(market.min_notional)} {market.base}"
        raise Refusal(400, least, "OMS-VF-0041")

    _unused(world, account, fields.get("client_order_id"))
    open_here = sum(1 for each in account.open_spot.values() if each.market == market.name)
    if open_here >= OPEN_ORDERS:
        raise Refusal(422, "Open orders limit reached")
    return market


def checked_price(market: SpotMarket, value: Any) -> Decimal:
    price = number(value)
    if price is None or price <= 0:
        raise invalid()
    _price(market, price)
    return price


def _quantity(market: SpotMarket, kind: str, quantity: Decimal) -> None:
    least = max(market.min_quantity, market.step, Decimal(1).scaleb(-market.quantity_decimals))
    if quantity < least:
        raise Refusal(400, f"Quantity should be greater than {plain(least)}", "OMS-VF-0004")
    if quantity > (market.max_market if kind == "market_order" else market.max_quantity):
        raise Refusal(400, "Quantity is out of permissible range", "OMS-VF-0004")
    if quantity % market.step or _decimals(quantity) > market.quantity_decimals:
        text = f"Quantity precision should be {market.quantity_decimals}"
        raise Refusal(400, text, "OMS-VF-0006")


def _price(market: SpotMarket, price: Decimal) -> None:
    if _decimals(price) > market.price_decimals:
        raise Refusal(400, f"Price precision should be {market.price_decimals}", "OMS-VF-0006")
    if not market.min_price <= price <= market.max_price:
        raise Refusal(400, "Price is out of permissible range", "OMS-VF-0001")


def _client_id(fields: dict[str, Any]) -> None:
    name = fields.get("client_order_id")
    if name is not None and not (isinstance(name, str) and 1 <= len(name) <= 36):
        raise invalid()


def _unused(world: World, account: Account, name: Any) -> None:
    if name is None or name not in account.by_client_id or world.switches.duplicate_accepted:
        return
    raise Refusal(world.switches.duplicate_status, "Client order id already exists")


def _decimals(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
