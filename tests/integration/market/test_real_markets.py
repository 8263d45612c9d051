"""What real markets and their keys need of the tables, on both databases."""

from decimal import Decimal

import pytest

from control_plane.brokers.coindcx import store as limits
from control_plane.brokers.coindcx.limits import Usage
from control_plane.core.ids import AccountId, Tenant
from control_plane.infra.db import Database, Tx
from control_plane.keys import store as keys
from control_plane.keys.models.checks import Held, KeyCheck
from control_plane.keys.store import Kept
from control_plane.market import service, store
from control_plane.market.models.choice import Choice
from control_plane.market.models.trades import Closed
from strategy_runtime.wire.messages import Candle
from tests.factories import D, future, spot

pytestmark = pytest.mark.db

BTC = future(min_price=D("4000"), max_price=D("800000"), band_up=D("0.04"))
CANDLE = Candle(60_000, 1.0, 2.0, 0.5, 1.5, 3.0, 1)


async def test_a_catalogue_is_listed_looked_at_and_taken_over(database: Database) -> None:
    await database.write(store.list_instruments, [spot(), BTC], "simulated")
    await database.write(store.add_candles, [Closed(BTC.id, "1m", CANDLE)])
    real = Choice(("coindcx", "simulated"))
    await database.write(store.list_instruments, [BTC], "coindcx", real)

    assert await database.read(store.last_closes) == {}
    assert await database.read(service.instruments_among, [BTC.id, "spot:NOPE"]) == [
        await database.read(service.instrument, BTC.id)
    ]
    assert await database.read(service.converting) == []
    await database.write(store.retire_feeds, ("coindcx",))
    assert [one.id for one in await database.read(store.active_instruments)] == [BTC.id]


async def test_lags_and_conversion_prices_are_kept(database: Database) -> None:
    await database.write(store.put_lag, BTC.id, "coindcx", "late")
    assert [one.reason for one in await database.read(store.lagging)] == ["late"]
    await database.write(store.put_lag, BTC.id, "coindcx", None)
    assert await database.read(store.lag_of, BTC.id) is None
    for price in ("102", "102", "101.5"):
        await database.write(store.put_rate, "USDT", "INR", Decimal(price))
    found = await database.read(service.conversion, "USDT", "INR")
    assert found is not None
    assert found[0] == Decimal("101.5")


async def test_keys_are_tested_in_turn_and_their_users_told_apart(database: Database) -> None:
    await database.write(_two_keys)
    first, second = AccountId("ac1"), AccountId("ac2")
    assert await database.read(keys.checked_before, "coindcx", 1) == [first, second]
    good = KeyCheck(
        first, Tenant("us1"), "print-ac1", "good", user="u", held=(Held("spot", "INR", "1", "0"),)
    )
    await database.write(_tested, good)

    assert await database.read(keys.check_of, first) == KeyCheck(**{**vars(good), "checked_ms": 5})
    assert await database.read(keys.checked_before, "coindcx", 6) == [second, first]
    assert await database.read(keys.checked_before, "coindcx", 5) == [second]
    assert [one.account for one in await database.read(keys.others_of, "u", second)] == [first]
    assert await database.read(keys.others_of, "u", first) == []


async def test_usage_is_replaced_by_whoever_told_it(database: Database) -> None:
    used = Usage("address direct", 1, 16, 2, 960, 1.0, 0, 0)
    for _ in range(2):
        await database.write(limits.put_usage, "one", [used], 3)
    (row,) = await database.read(limits.current_usage)
    assert (row.name, row.waiting) == ("address direct", 3)


def _two_keys(tx: Tx) -> None:
    for name in ("ac1", "ac2"):
        kept = Kept(
            AccountId(name), Tenant("us1"), "coindcx", 1, "kek", b"", b"", "", f"print-{name}", 0
        )
        keys.put(tx, kept)


def _tested(tx: Tx, check: KeyCheck) -> None:
    keys.put_check(tx, KeyCheck(**{**vars(check), "checked_ms": 5}))
