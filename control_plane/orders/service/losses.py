"""What a subscription has lost in this trading day: realised, unrealised and fees."""

from collections.abc import Sequence
from datetime import datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from control_plane.core.clock import from_ms, ms
from control_plane.core.ids import SubscriptionId
from control_plane.infra.db import Tx
from control_plane.market import service as market
from control_plane.orders.models.trades import Tally
from control_plane.orders.service.desk import Desk
from control_plane.orders.store import trades
from strategy_runtime.rules.instruments import Instrument
from strategy_runtime.rules.money import ZERO


def day_start_ms(market_now_ms: int, zone: str) -> int:
    """When the market's trading day began, in the zone that the setting names."""
    local = from_ms(market_now_ms).astimezone(ZoneInfo(zone))
    return ms(datetime.combine(local.date(), time(), ZoneInfo(zone)))


def lost_today(
    tx: Tx, desk: Desk, of: Sequence[SubscriptionId], instrument: Instrument
) -> dict[SubscriptionId, Decimal]:
    """Positive is lost, in the quote currency."""
    start = day_start_ms(market.market_now_ms(tx, instrument.id), desk.settings.trading_day_zone)
    lost = dict.fromkeys(of, ZERO)
    for row in trades.booked_since(tx, of, start):
        if row.currency == instrument.quote:
            lost[SubscriptionId(row.subscription_id)] -= row.amount
    quote = desk.quote(instrument.id)
    if quote is None:
        return lost
    for subscription in of:
        for row in trades.open_of_subscription(tx, subscription):
            lost[subscription] -= tally_of(row).unrealised(quote.price)
    return lost


def tally_of(row: object) -> Tally:
    """A trade's row as its arithmetic."""
    names = ("side", "entered", "exited", "entry_value", "exit_value", "fees")
    return Tally(*(getattr(row, name) for name in names))
