"""What capacity says leaves in time does leave in time, by the very limits that hold it back."""

import heapq

import pytest

from control_plane.brokers.coindcx.calls import Bucket
from control_plane.brokers.coindcx.capacity import capacity, entry_calls
from control_plane.brokers.coindcx.limits import Lane, Limiter, Rates
from control_plane.brokers.coindcx.venue import VenueSettings
from control_plane.core.ids import AccountId
from control_plane.settings import CoinDcxSettings

BEAT_MS = 50
AFTER = ((300, Lane.LOOK_UP), (600, Lane.STOP), (900, Lane.LOOK_UP))  # what an entry costs besides


@pytest.mark.parametrize(
    ("rates", "age_seconds"),
    [
        (Rates(), 5),
        (Rates(), 20),
        (Rates(), 60),
        (Rates(per_second=30, per_minute=960), 60),
        (Rates(per_second=8), 40),
        (Rates(per_minute=300), 120),
    ],
)
def test_as_many_entries_leave_as_it_says_with_all_that_makes_them_safe(
    rates: Rates, age_seconds: int
) -> None:
    settings = VenueSettings(rates=rates)
    section = CoinDcxSettings(per_second=rates.per_second, per_minute=rates.per_minute)
    said = capacity(section).in_time(age_seconds * 1000)

    left = entries_out(rates, settings.protect_calls, said + 200, age_seconds * 1000)

    assert said <= left
    # It is no idle promise either: what the short windows forgive at first is all that it hides.
    assert left <= 1.5 * said + 2 * rates.per_second


def test_it_is_calls_by_age_by_addresses_over_the_calls_of_an_entry() -> None:
    one = capacity(CoinDcxSettings())
    three = capacity(CoinDcxSettings(egress="10.0.0.5,10.0.0.6,http://proxy:3128"))

    assert entry_calls(VenueSettings()) == 672  # seven tenths of 960: the rest is for exits
    assert (one.calls_per_entry, one.in_time(60_000), one.in_time(-5)) == (4, 168, 0)
    assert (one.addresses, len(three.addresses)) == (("direct",), 3)
    places = {three.address_of(AccountId(f"ac{n}")) for n in range(50)}
    assert places == set(three.addresses)


def test_an_account_that_is_pinned_by_hand_counts_where_it_is() -> None:
    pinned = CoinDcxSettings(egress="10.0.0.5,10.0.0.6", egress_by_account={"ac1": "10.0.0.6"})
    assert capacity(pinned).address_of(AccountId("ac1")) == "10.0.0.6"


def entries_out(rates: Rates, cost: int, wanting: int, until_ms: int) -> int:
    """Through one address: how many of so many leave by then, each followed by its other calls."""
    limiter, address = Limiter(rates), "address direct"
    queue = [(int(Lane.ENTRY), n, n) for n in range(wanting)]
    later: list[tuple[int, int, int, int]] = []
    number, left = wanting, 0
    for now in range(0, until_ms, BEAT_MS):
        while later and later[0][0] <= now:
            _, ticket, lane, account = heapq.heappop(later)
            heapq.heappush(queue, (lane, ticket, account))
        while queue:
            lane, _, account = queue[0]
            names = (f"key {account}", address)
            is_entry = lane == Lane.ENTRY
            if is_entry and not limiter.could_promise(now, address, cost):
                break
            if limiter.wait_ms(now, names, Bucket.GENERAL, Lane(lane)):
                break
            heapq.heappop(queue)
            limiter.take(now, names, Bucket.GENERAL)
            if not is_entry:
                continue
            limiter.promise(now, address, cost)
            left += 1
            for delay, follows in AFTER:
                number += 1
                heapq.heappush(later, (now + delay, number, int(follows), account))
    return left
