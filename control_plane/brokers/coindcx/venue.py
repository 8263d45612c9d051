"""What we assume of the venue where nobody has proved it, each with the answer that is safe.

Money depends on these: changing one is for an operator who has measured.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from control_plane.brokers.coindcx.limits import Rates
from control_plane.settings import CoinDcxSettings


@dataclass(frozen=True, slots=True)
class VenueSettings:
    window_seconds: float = (
        60.0  # a request older than this is refused; futures say 10, spot no number
    )
    timestamp_enforced: bool = False  # proved: an entry proved absent may be sent again
    skew_ms: int = 2_000  # how far our clock and theirs may differ
    require_echo: bool = True  # a create's reply must name our client order id
    trust_texts: bool = False  # believe refusals in words that nobody has documented
    spot_stop_orders: bool = False  # `stop_limit` may be sent on spot: no sample of its form exists
    inline_stops: bool = True  # an entry's stop goes with it; it is read back in either case
    deadline_seconds: float = 4.0
    patience_seconds: float = 1.0  # an order waits no longer for its rate budget: it ages meanwhile
    ask_patience_seconds: float = 20.0
    protect_calls: int = 4  # what one entry may cost in calls until it is safe
    page: int = 100
    most_pages: int = 50
    fills_overlap_ms: int = (
        90_000  # fills are told again for so long: their order may still be in doubt
    )
    first_look_ms: int = 7 * 86_400_000  # how far back fills are read before there is a cursor
    balance_includes_locked: bool = False  # docs and clients say it is what is free
    catalogue_seconds: float = 600.0
    spot_fee_percents: tuple[tuple[str, Decimal], ...] = (("INR", Decimal("0.59")),)
    spot_fee_percent: Decimal = Decimal("0.2")
    notional_margin: Decimal = Decimal("1.001")  # a value equal to the minimum has been refused
    rates: Rates = field(default_factory=Rates)

    def spot_fee(self, quote: str) -> Decimal:
        return dict(self.spot_fee_percents).get(quote, self.spot_fee_percent)


def venue_settings(section: CoinDcxSettings) -> VenueSettings:
    return VenueSettings(
        window_seconds=section.window_seconds,
        timestamp_enforced=section.timestamp_enforced,
        require_echo=section.require_echo,
        trust_texts=section.trust_texts,
        spot_stop_orders=section.spot_stop_orders,
        inline_stops=section.inline_stops,
        balance_includes_locked=section.balance_includes_locked,
        deadline_seconds=section.deadline_seconds,
        rates=Rates(
            per_second=section.per_second,
            per_minute=section.per_minute,
            active_orders_per_minute=section.active_orders_per_minute,
            cancel_by_ids_per_minute=section.cancel_by_ids_per_minute,
            cancel_all_per_minute=section.cancel_all_per_minute,
            recovery_seconds=section.recovery_seconds,
        ),
    )
