"""Subscribing and what follows, on an inline database."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from control_plane.accounts.errors import NoSuchAccount
from control_plane.accounts.store import accounts
from control_plane.brokers.capacity import Capacity
from control_plane.core.clock import ms
from control_plane.core.ids import (
    SHARDS,
    AccountId,
    DeploymentId,
    Rng,
    Shard,
    SubscriptionId,
    Tenant,
)
from control_plane.deployments.store.tables import deployments
from control_plane.infra import events
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.market.store import list_instruments
from control_plane.market.store.tables import candles, instruments
from control_plane.subscriptions import service
from control_plane.subscriptions.errors import (
    AccountClosed,
    AlreadySubscribed,
    BadTerms,
    NoRoom,
    NoSuchDeployment,
    NoSuchSubscription,
    WrongState,
)
from control_plane.subscriptions.models import Subscription, Terms
from control_plane.subscriptions.service import Resumer, Subscriptions
from tests.factories import D, future, spot
from tests.fakes import launches
from tests.fakes.clock import FakeClock

TRADER, OTHER = Tenant("us1"), Tenant("us2")
ACCOUNT = AccountId("ac1")
SHIP, SISTER, COIN = DeploymentId("dp1"), DeploymentId("dp2"), DeploymentId("dp3")
TERMS = Terms(capital=D("1000"), capital_currency="USDT", risk=D("0.01"))


ANN = "ann@example.com"
EVERY_SHARD = frozenset(map(Shard, range(SHARDS)))


@dataclass(frozen=True)
class Desk:
    """What Ann asks for, and how her subscription stands after it."""

    asked: Subscriptions

    async def subscribe(
        self, tenant: Tenant, account: AccountId, ship: DeploymentId, terms: Terms
    ) -> Subscription:
        made = await self.asked.subscribe(tenant, account, ship, terms, by=ANN)
        return made.subscription

    async def alter(self, tenant: Tenant, which: SubscriptionId, terms: Terms) -> Subscription:
        return (await self.asked.alter(tenant, which, terms, by=ANN)).subscription

    async def pause(
        self, tenant: Tenant, which: SubscriptionId, until_ms: int | None = None
    ) -> Subscription:
        return (await self.asked.pause(tenant, which, until_ms, by=ANN)).subscription

    async def resume(self, tenant: Tenant, which: SubscriptionId) -> Subscription:
        return (await self.asked.resume(tenant, which, by=ANN)).subscription

    async def cancel(self, tenant: Tenant, which: SubscriptionId) -> Subscription:
        return (await self.asked.cancel(tenant, which, by=ANN)).subscription


@pytest.fixture
async def desk(memory: Database, rng: Rng, clock: FakeClock) -> Desk:
    await memory.write(_world)
    return Desk(Subscriptions(memory, rng, Bus("redis://127.0.0.1:1", clock)))


def _world(tx: Tx) -> None:
    list_instruments(tx, [spot(), future()], "simulated")
    for deployment, instrument in ((SHIP, "fut"), (SISTER, "fut"), (COIN, "spot")):
        launches.deployed(tx, deployment, instrument=f"{instrument}:B-BTC_USDT")
    row: dict[str, Any] = {"shard": 3, "name": "practice", "venue": "paper", "created_ms": 1}
    tx.run(insert(accounts), [{**row, "id": ACCOUNT, "tenant": TRADER}])
    tx.run(insert(accounts), [{**row, "id": "ac2", "tenant": OTHER}])


async def test_a_subscription_is_kept_with_its_first_version(desk: Desk, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)

    assert await memory.read(service.subscription, TRADER, made.id) == made
    assert (made.state, made.version, made.shard) == ("active", 1, 3)
    assert made.margin_currency == "USDT"
    (first,) = await memory.read(service.versions, made.id)
    assert (first.body["capital"], first.changed_by) == ("1000", ANN)
    told = await memory.read(events.latest)
    assert told[0]["kind"] == "subscription_made"


async def test_each_change_is_a_version(desk: Desk, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    await desk.pause(TRADER, made.id)
    await desk.resume(TRADER, made.id)
    altered = await desk.alter(TRADER, made.id, replace(TERMS, capital=D("2000")))
    ended = await desk.cancel(TRADER, made.id)

    assert (altered.capital, altered.margin_currency) == (D("2000"), "USDT")
    assert (ended.state, ended.version) == ("cancelled", 5)
    found = await memory.read(service.versions, made.id)
    assert [(v.version, v.body["state"], v.body["capital"]) for v in found] == [
        (1, "active", "1000"),
        (2, "paused", "1000"),
        (3, "active", "1000"),
        (4, "active", "2000"),
        (5, "cancelled", "2000"),
    ]


async def test_an_account_follows_a_deployment_once(desk: Desk) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    with pytest.raises(AlreadySubscribed, match=made.id):
        await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)

    await desk.cancel(TRADER, made.id)
    again = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    assert again.id != made.id


async def test_a_futures_position_has_one_subscription(desk: Desk) -> None:
    await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(AlreadySubscribed, match="only one"):
        await desk.subscribe(TRADER, ACCOUNT, SISTER, TERMS)

    other_book = replace(TERMS, margin_currency="INR")
    assert (await desk.subscribe(TRADER, ACCOUNT, SISTER, other_book)).margin_currency == "INR"


async def test_somebody_elses_account_is_missing(desk: Desk) -> None:
    with pytest.raises(NoSuchAccount):
        await desk.subscribe(OTHER, ACCOUNT, SHIP, TERMS)


async def test_somebody_elses_subscription_is_missing(desk: Desk) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(NoSuchSubscription):
        await desk.pause(OTHER, made.id)


async def test_a_deployment_that_is_not_there_cannot_be_followed(
    desk: Desk, memory: Database
) -> None:
    await memory.write(launches.desire, SISTER, "deleted")
    for missing in (SISTER, DeploymentId("dp9")):
        with pytest.raises(NoSuchDeployment):
            await desk.subscribe(TRADER, ACCOUNT, missing, TERMS)


async def test_a_closed_account_takes_nothing_new(desk: Desk, memory: Database) -> None:
    await memory.write(lambda tx: tx.run(update(accounts).values(state="suspended")))
    with pytest.raises(AccountClosed):
        await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)


async def test_a_cancelled_subscription_stays_cancelled(desk: Desk) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    await desk.cancel(TRADER, made.id)
    for change in (desk.resume, desk.pause, desk.cancel):
        with pytest.raises(WrongState):
            await change(TRADER, made.id)
    with pytest.raises(WrongState):
        await desk.alter(TRADER, made.id, TERMS)


async def test_bad_terms_change_nothing(desk: Desk, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(BadTerms):
        await desk.alter(TRADER, made.id, replace(TERMS, risk=D("0.9")))

    assert await memory.read(service.subscription, TRADER, made.id) == made


async def test_whoever_subscribes_after_a_signal_does_not_follow_it(
    desk: Desk, memory: Database, clock: FakeClock
) -> None:
    early = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    await clock.advance(1)
    accepted_ms = await memory.read(lambda tx: tx.now_ms())
    await clock.advance(1)
    late = await desk.subscribe(OTHER, AccountId("ac2"), COIN, TERMS)

    found = await memory.read(service.active, COIN, accepted_ms)
    assert [one.id for one in found] == [early.id]

    await desk.pause(TRADER, early.id)
    assert not await memory.read(service.active, COIN, accepted_ms)
    both = await memory.read(service.by_ids, [early.id, late.id, SubscriptionId("none")])
    assert {one.state for one in both} == {"paused", "active"}


async def test_a_version_tells_who_changed_what(desk: Desk, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    await desk.alter(TRADER, made.id, replace(TERMS, risk=D("0.02"), symbols_denied=("btc",)))
    await desk.cancel(TRADER, made.id)

    found = await memory.read(service.versions, made.id)
    assert [(one.changed_by, one.changed) for one in found] == [
        (ANN, ()),
        (ANN, ("risk", "symbols_denied")),
        (ANN, ("state",)),
    ]


async def test_a_pause_ends_by_itself_at_its_moment_and_is_a_version(
    desk: Desk, memory: Database, clock: FakeClock
) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    until = ms(clock.now()) + 60_000
    held = await desk.pause(TRADER, made.id, until)
    resumer = Resumer(memory)

    await clock.advance(59)
    assert await resumer.once(EVERY_SHARD) == 0
    await clock.advance(1)
    assert await resumer.once(frozenset({Shard(4)})) == 0, "another process has that shard"
    assert await resumer.once(EVERY_SHARD) == 1

    found = await memory.read(service.subscription, TRADER, made.id)
    assert (held.state, held.paused_until_ms) == ("paused", until)
    assert (found.state, found.paused_until_ms, found.version) == ("active", None, 3)
    last = (await memory.read(service.versions, made.id))[-1]
    assert (last.changed_by, last.changed) == ("slipway", ("paused_until_ms", "state"))
    assert await resumer.once(EVERY_SHARD) == 0


async def test_a_pause_may_be_given_another_end_and_not_one_that_is_past(
    desk: Desk, clock: FakeClock
) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    now = ms(clock.now())
    await desk.pause(TRADER, made.id, now + 60_000)

    longer = await desk.pause(TRADER, made.id, now + 120_000)
    for_good = await desk.pause(TRADER, made.id)
    assert (longer.paused_until_ms, for_good.paused_until_ms) == (now + 120_000, None)
    with pytest.raises(WrongState):
        await desk.pause(TRADER, made.id)
    for moment in (now, now - 1, now + 400 * 86_400_000):
        with pytest.raises(BadTerms) as refused:
            await desk.pause(TRADER, made.id, moment)
        assert refused.value.field == "until"


async def test_resuming_by_hand_forgets_the_end_of_the_pause(
    desk: Desk, memory: Database, clock: FakeClock
) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    await desk.pause(TRADER, made.id, ms(clock.now()) + 1_000)
    assert (await desk.resume(TRADER, made.id)).paused_until_ms is None
    await clock.advance(2)
    assert await Resumer(memory).once(EVERY_SHARD) == 0


@pytest.mark.parametrize(
    ("lists", "field"),
    [
        ({"symbols_denied": ("btc",)}, "symbols_denied"),
        ({"symbols_denied": ("spot:BTCUSDT",)}, "symbols_denied"),
        ({"symbols_allowed": ("fut:BTCUSDT",)}, "symbols_allowed"),
        ({"symbols_allowed": ("BTCUSDT",)}, "symbols_allowed"),  # there are two
        ({"symbols_denied": ("nothing",)}, "symbols_denied"),
    ],
)
async def test_lists_that_let_nothing_trade_or_name_nothing_are_refused(
    desk: Desk, lists: dict[str, Any], field: str
) -> None:
    with pytest.raises(BadTerms) as refused:
        await desk.subscribe(TRADER, ACCOUNT, COIN, replace(TERMS, **lists))
    assert refused.value.field == field


async def test_lists_are_kept_as_what_they_mean(desk: Desk, memory: Database) -> None:
    lists: dict[str, Any] = {"symbols_allowed": ("btc",), "symbols_denied": ("fut:btcusdt",)}
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, replace(TERMS, **lists))

    assert made.symbols_allowed == ("BTC",)
    assert made.symbols_denied == ("fut:B-BTC_USDT",)
    assert await memory.read(service.subscription, TRADER, made.id) == made


def live_world(tx: Tx, followers: int) -> None:
    """A real market, and live accounts of Ann's."""
    tx.run(update(instruments).values(feed="coindcx"))
    row: dict[str, Any] = {"shard": 3, "venue": "coindcx", "created_ms": 1, "tenant": TRADER}
    names = [f"live{n}" for n in range(followers)]
    tx.run(insert(accounts), [{**row, "id": name, "name": name} for name in names])


async def test_no_more_live_subscribers_than_the_exchange_serves_in_time(
    memory: Database, rng: Rng, clock: FakeClock, desk: Desk
) -> None:
    await memory.write(live_world, 4)
    limits = Capacity(8, 4, ("direct",), lambda _: "direct")
    asked = Subscriptions(memory, rng, desk.asked.bus, {"coindcx": limits})
    desk = Desk(asked)
    first, *others = [AccountId(f"live{n}") for n in range(4)]
    made = await desk.subscribe(TRADER, first, COIN, TERMS)
    await desk.subscribe(TRADER, others[0], COIN, TERMS)

    with pytest.raises(NoRoom, match="2 live subscribers of one signal enter within 60 s") as no:
        await desk.subscribe(TRADER, others[1], COIN, TERMS)
    assert no.value.field == "max_age_seconds"
    await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)  # paper has no limits
    patient = replace(TERMS, max_age_seconds=90)
    third = await desk.subscribe(TRADER, others[1], COIN, patient)
    with pytest.raises(NoRoom):
        await desk.alter(TRADER, third.id, TERMS)

    await desk.pause(TRADER, made.id)
    await desk.subscribe(TRADER, others[2], COIN, patient)
    with pytest.raises(NoRoom):
        await desk.resume(TRADER, made.id)


async def test_capital_that_the_price_of_now_puts_out_of_reach_is_refused_with_what_would_do(
    desk: Desk, memory: Database
) -> None:
    minute = {"resolution": "1m", "open_ms": 60_000, "volume": 1.0}
    prices = {"spot:B-BTC_USDT": 50_000.0, "fut:B-BTC_USDT": 50_000.0}
    flat = [
        {**minute, "instrument": name, **dict.fromkeys(("open", "high", "low", "close"), price)}
        for name, price in prices.items()
    ]
    await memory.write(lambda tx: tx.run(insert(candles), flat))
    await memory.write(lambda tx: tx.run(update(instruments).values(min_quantity=D("0.001"))))

    with pytest.raises(BadTerms, match="worth 50 USDT") as small:
        await desk.subscribe(TRADER, ACCOUNT, COIN, replace(TERMS, capital=D("49.99")))
    assert (small.value.field, small.value.remedy) == ("capital", "It takes 50 USDT or more.")
    with pytest.raises(BadTerms) as little:
        await desk.subscribe(TRADER, ACCOUNT, COIN, replace(TERMS, max_notional=D("49")))
    assert little.value.field == "max_notional"
    fut = instruments.c.kind == "fut"
    twice = update(instruments).where(fut).values(min_quantity=D("0.002"))
    await memory.write(lambda tx: tx.run(twice))
    levered = replace(TERMS, capital=D("20"), leverage=D("5"))
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, levered)
    with pytest.raises(BadTerms, match="would never trade"):
        await desk.alter(TRADER, made.id, replace(levered, capital=D("19.99")))


async def test_capital_in_another_currency_is_measured_by_the_rate_of_now(
    desk: Desk, memory: Database
) -> None:
    usdt = spot(id="spot:I-USDT_INR", pair="I-USDT_INR", base="USDT", quote="INR")
    await memory.write(list_instruments, [spot(), future(), usdt], "simulated")
    minute = {"resolution": "1m", "open_ms": 60_000, "volume": 1.0}
    for name, price in (("spot:B-BTC_USDT", 50_000.0), ("spot:I-USDT_INR", 100.0)):
        values = dict.fromkeys(("open", "high", "low", "close"), price)
        await memory.write(
            lambda tx, row: tx.run(insert(candles), row), {**minute, **values, "instrument": name}
        )
    rupees = replace(TERMS, capital_currency="INR", capital=D("10"))

    with pytest.raises(BadTerms) as small:
        await desk.subscribe(TRADER, ACCOUNT, COIN, rupees)
    assert small.value.field == "capital"
    assert "INR or more" in (small.value.remedy or "")
    await desk.subscribe(TRADER, ACCOUNT, COIN, replace(rupees, capital=D("100000")))


async def test_the_least_of_three_is_the_leverage(desk: Desk, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, replace(TERMS, leverage=D("5")))
    before = (await desk.asked.get(TRADER, made.id)).leverage
    row = deployments.c.id == SHIP
    await memory.write(
        lambda tx: tx.run(update(deployments).where(row).values(max_leverage=D("3")))
    )
    after = (await desk.asked.get(TRADER, made.id)).leverage

    assert (before.subscription, before.deployment, before.instrument) == (D("5"), None, D("20"))
    assert (before.effective, after.effective) == (D("5"), D("3"))


async def test_whoever_wants_positions_closed_is_leaving_until_they_are(
    desk: Desk, memory: Database
) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    assert await memory.read(service.leaving, EVERY_SHARD) == []
    ended = await desk.asked.cancel(TRADER, made.id, "close", by=ANN)

    assert ended.subscription.positions == "close"
    assert await memory.read(service.leaving, EVERY_SHARD) == [made.id]
    await memory.write(service.left, [made.id])
    assert await memory.read(service.leaving, EVERY_SHARD) == []
    assert (await desk.asked.get(TRADER, made.id)).subscription.positions == "closed"
