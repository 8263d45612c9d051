"""Subscribing and what follows, on an inline database."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert, update

from control_plane.accounts.errors import NoSuchAccount
from control_plane.accounts.store import accounts
from control_plane.core.ids import AccountId, DeploymentId, Rng, SubscriptionId, Tenant
from control_plane.infra import events
from control_plane.infra.db import Database, Tx
from control_plane.market.store import list_instruments
from control_plane.subscriptions import service
from control_plane.subscriptions.errors import (
    AccountClosed,
    AlreadySubscribed,
    BadTerms,
    NoSuchDeployment,
    NoSuchSubscription,
    WrongState,
)
from control_plane.subscriptions.models import Terms
from control_plane.subscriptions.service import Subscriptions
from tests.factories import D, future, spot
from tests.fakes import launches
from tests.fakes.clock import FakeClock

TRADER, OTHER = Tenant("us1"), Tenant("us2")
ACCOUNT = AccountId("ac1")
SHIP, SISTER, COIN = DeploymentId("dp1"), DeploymentId("dp2"), DeploymentId("dp3")
TERMS = Terms(capital=D("1000"), capital_currency="USDT", risk=D("0.01"))


@pytest.fixture
async def desk(memory: Database, rng: Rng) -> Subscriptions:
    await memory.write(_world)
    return Subscriptions(memory, rng)


def _world(tx: Tx) -> None:
    list_instruments(tx, [spot(), future()], "simulated")
    for deployment, instrument in ((SHIP, "fut"), (SISTER, "fut"), (COIN, "spot")):
        launches.deployed(tx, deployment, instrument=f"{instrument}:B-BTC_USDT")
    row: dict[str, Any] = {"shard": 3, "name": "practice", "venue": "paper", "created_ms": 1}
    tx.run(insert(accounts), [{**row, "id": ACCOUNT, "tenant": TRADER}])
    tx.run(insert(accounts), [{**row, "id": "ac2", "tenant": OTHER}])


async def test_a_subscription_is_kept_with_its_first_version(
    desk: Subscriptions, memory: Database
) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)

    assert await memory.read(service.subscription, TRADER, made.id) == made
    assert (made.state, made.version, made.shard) == ("active", 1, 3)
    assert made.margin_currency == "USDT"
    (first,) = await memory.read(service.versions, made.id)
    assert (first.body["capital"], first.changed_by) == ("1000", TRADER)
    told = await memory.read(events.latest)
    assert told[0]["kind"] == "subscription_made"


async def test_each_change_is_a_version(desk: Subscriptions, memory: Database) -> None:
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


async def test_an_account_follows_a_deployment_once(desk: Subscriptions) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    with pytest.raises(AlreadySubscribed, match=made.id):
        await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)

    await desk.cancel(TRADER, made.id)
    again = await desk.subscribe(TRADER, ACCOUNT, COIN, TERMS)
    assert again.id != made.id


async def test_a_futures_position_has_one_subscription(desk: Subscriptions) -> None:
    await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(AlreadySubscribed, match="only one"):
        await desk.subscribe(TRADER, ACCOUNT, SISTER, TERMS)

    other_book = replace(TERMS, margin_currency="INR")
    assert (await desk.subscribe(TRADER, ACCOUNT, SISTER, other_book)).margin_currency == "INR"


async def test_somebody_elses_account_is_missing(desk: Subscriptions) -> None:
    with pytest.raises(NoSuchAccount):
        await desk.subscribe(OTHER, ACCOUNT, SHIP, TERMS)


async def test_somebody_elses_subscription_is_missing(desk: Subscriptions) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(NoSuchSubscription):
        await desk.pause(OTHER, made.id)


async def test_a_deployment_that_is_not_there_cannot_be_followed(
    desk: Subscriptions, memory: Database
) -> None:
    await memory.write(launches.desire, SISTER, "deleted")
    for missing in (SISTER, DeploymentId("dp9")):
        with pytest.raises(NoSuchDeployment):
            await desk.subscribe(TRADER, ACCOUNT, missing, TERMS)


async def test_a_closed_account_takes_nothing_new(desk: Subscriptions, memory: Database) -> None:
    await memory.write(lambda tx: tx.run(update(accounts).values(state="suspended")))
    with pytest.raises(AccountClosed):
        await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)


async def test_a_cancelled_subscription_stays_cancelled(desk: Subscriptions) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    await desk.cancel(TRADER, made.id)
    for change in (desk.resume, desk.pause, desk.cancel):
        with pytest.raises(WrongState):
            await change(TRADER, made.id)
    with pytest.raises(WrongState):
        await desk.alter(TRADER, made.id, TERMS)


async def test_bad_terms_change_nothing(desk: Subscriptions, memory: Database) -> None:
    made = await desk.subscribe(TRADER, ACCOUNT, SHIP, TERMS)
    with pytest.raises(BadTerms):
        await desk.alter(TRADER, made.id, replace(TERMS, risk=D("0.9")))

    assert await memory.read(service.subscription, TRADER, made.id) == made


async def test_whoever_subscribes_after_a_signal_does_not_follow_it(
    desk: Subscriptions, memory: Database, clock: FakeClock
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
