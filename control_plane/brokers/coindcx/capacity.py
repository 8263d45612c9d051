"""What CoinDCX's limits, as they are set, let entries do."""

from control_plane.brokers.capacity import Capacity
from control_plane.brokers.coindcx.egress import parse_egress, pinned
from control_plane.brokers.coindcx.limits import Lane
from control_plane.brokers.coindcx.venue import VenueSettings, venue_settings
from control_plane.core.ids import AccountId
from control_plane.settings import CoinDcxSettings


def capacity(section: CoinDcxSettings) -> Capacity:
    egresses = parse_egress(section.egress)
    by_hand = {AccountId(each): name for each, name in section.egress_by_account.items()}

    def address_of(account: AccountId) -> str:
        return pinned(account, egresses, by_hand).name

    settings = venue_settings(section)
    names = tuple(each.name for each in egresses)
    return Capacity(entry_calls(settings), settings.protect_calls, names, address_of)


def entry_calls(settings: VenueSettings) -> int:
    """In a minute: lower lanes leave room for exits, stops and look-ups."""
    rates = settings.rates
    most = min(60 * rates.per_second, rates.per_minute)
    return int(most * rates.shares[Lane.ENTRY])
