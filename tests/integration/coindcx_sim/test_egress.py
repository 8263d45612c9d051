"""The broker as it runs: through several addresses, within the exchange's limits."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator

import pytest

from control_plane.brokers.coindcx.egress import parse_egress, pinned
from control_plane.brokers.coindcx.opening import OpenBroker, open_broker
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import Clock
from control_plane.core.ids import AccountId
from control_plane.settings import CoinDcxSettings
from tests.coindcx_sim.broker import KeyRing
from tests.coindcx_sim.process import Served, served

ACCOUNTS = [AccountId(f"acc{n}") for n in range(8)]
KEYS = {account: Credentials(f"key-{n}", f"secret-key-{n}") for n, account in enumerate(ACCOUNTS)}
ADDRESSES = "127.0.0.1,127.0.0.2,127.0.0.3"
EGRESSES = parse_egress(ADDRESSES)


@pytest.fixture
def venue() -> Iterator[Served]:
    with served("--accounts", "0", "--switch", "limits_by=address") as found:
        found.admin("open", count=len(ACCOUNTS))
        yield found


@pytest.fixture
async def opened(venue: Served, real_clock: Clock) -> AsyncIterator[OpenBroker]:
    # Below the venue's 16: on a busy machine requests that left apart arrive together.
    section = CoinDcxSettings(
        api_url=venue.url, public_url=venue.url, egress=ADDRESSES, per_second=10
    )
    found = open_broker(KeyRing(KEYS), real_clock, section)
    yield found
    await found.close()


async def test_each_account_leaves_through_its_own_address(
    venue: Served, opened: OpenBroker
) -> None:
    await opened.broker.balances(ACCOUNTS)
    seen = defaultdict(set)
    for entry in venue.admin("ledger", kinds=["request"])["entries"]:
        seen[entry["account"]].add(entry["address"])
    for account in ACCOUNTS:
        assert seen[KEYS[account].key] == {pinned(account, EGRESSES).local_address}


async def test_however_much_is_asked_the_venue_never_has_to_say_429(
    venue: Served, opened: OpenBroker
) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(5):
            group.create_task(opened.broker.balances(ACCOUNTS))
    assert opened.ways.waiting() == 0
    stats = venue.admin("stats")
    assert stats["requests"] >= 80
    assert stats["rate_limited"] == 0
    usage = {each.name: each for each in opened.ways.usage()}
    assert all(f"address {each.name}" in usage for each in EGRESSES)
    assert all(each.factor == 1 and each.refused == 0 for each in usage.values())
