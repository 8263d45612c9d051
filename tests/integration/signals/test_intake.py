"""The intake on a real bus and a real database, spoken to by fake containers."""

import asyncio
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from sqlalchemy import select, text

from control_plane.core.ids import Shard
from control_plane.deployments.store.tables import deployments, generations, runs
from control_plane.infra import commands, events
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.leases import leases as lease_rows
from control_plane.signals.service import reading
from control_plane.signals.store import tables
from strategy_runtime.wire import messages, names
from tests.conftest import wait_until
from tests.fakes import launches
from tests.fakes.container import container, long
from tests.fakes.launches import MINUTE
from tests.integration.signals.conftest import Start

pytestmark = [pytest.mark.redis, pytest.mark.db]

SHARDS = [Shard(k) for k in range(64)]
OPEN = 29_000_000 * MINUTE
DEPLOYMENT = "dp1"


def trigger(k: int) -> str:
    return f"1m:{OPEN + k * MINUTE}"


def beat(run: str, phase: messages.Phase) -> messages.Heartbeat:
    return messages.Heartbeat(run, 5, phase, trigger(0), 2**40, 3, 32_000_000, 1.5, 0, 0)


def _rows(tx: Tx, of: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in tx.all(select(of))]


async def rows(database: Database, of: Any) -> list[dict[str, Any]]:
    return await database.read(_rows, of)


async def one(database: Database, of: Any) -> dict[str, Any]:
    found = await rows(database, of)
    assert len(found) == 1
    return found[0]


@pytest.fixture
async def market(database: Database) -> None:
    """A day into the market, so that many triggers lie in the past."""

    def write(tx: Tx) -> None:
        launches.market_at(tx, OPEN + 1)
        launches.deployed(tx, DEPLOYMENT)
        launches.launched(tx, DEPLOYMENT)

    await database.write(write)


async def _later(database: Database, minutes: int) -> None:
    await database.write(
        lambda tx: tx.run(
            text("UPDATE market_time SET anchor_market_ms = anchor_market_ms + :more"),
            {"more": minutes * MINUTE},
        )
    )


@pytest.mark.usefixtures("market")
async def test_a_decision_travels_from_hello_to_acknowledgement(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        welcome = await strategy.hello()
        assert welcome == messages.Welcome(strategy.run, trigger(0), phase="running")
        await _later(database, 5)

        await strategy.decide(1, trigger(0))
        signal = long("100.5", "98", "104")
        await strategy.decide(
            2,
            trigger(1),
            messages.Signal("EXIT_SHORT", Decimal("100.5")),
            signal,
            state=msgspec.Raw(b'{"n":2}'),
            position=messages.Position(exit_due="LONG"),
        )
        await strategy.until_acknowledged(1, 2)
        again = await strategy.hello()

    found = await database.read(reading.accepted, SHARDS)
    assert [(s.kind, s.action, s.price) for s in found] == [
        ("exit", "EXIT_SHORT", Decimal("100.5")),
        ("entry", "LONG", Decimal("100.5")),
    ]
    assert found[1].stop_loss == Decimal("98")
    assert again.last_trigger == trigger(1)
    assert again.active_from == trigger(0)
    assert bytes(again.state) == b'{"n":2}'  # type: ignore[arg-type] # it is there
    assert again.position == messages.Position(exit_due="LONG")
    assert [e["trigger"] for e in await rows(database, tables.executions)] == [
        trigger(0),
        trigger(1),
    ]


@pytest.mark.usefixtures("market")
async def test_the_first_decision_of_a_trigger_is_final(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        await _later(database, 5)
        await strategy.decide(1, trigger(0), long("100"))
        await strategy.until_acknowledged(1)
        await strategy.decide(2, trigger(0), long("100"))
        await strategy.decide(3, trigger(0))
        await strategy.until_acknowledged(2, 3)

    assert (await one(database, tables.executions))["n"] == 1
    assert (await one(database, tables.signals))["price"] == Decimal(100)
    repeats = {row["n"]: row["same"] for row in await rows(database, tables.repeats)}
    assert repeats == {2: True, 3: False}
    told = await database.read(events.latest)
    assert [e["subject_id"] for e in told if e["kind"] == "execution_differs"] == [DEPLOYMENT]


@pytest.mark.usefixtures("market")
@pytest.mark.parametrize(
    "failpoint", ["signal.before_inbox", "signal.after_inbox_commit", "signal.before_ack"]
)
async def test_a_crash_around_the_commit_loses_and_doubles_nothing(
    bus: Bus, database: Database, trading: Start, failpoint: str
) -> None:
    async with container(bus.client, DEPLOYMENT) as strategy:
        async with trading(failpoints=f"{failpoint}=raise") as dying:
            await strategy.hello()
            await _later(database, 5)
            await strategy.decide(1, trigger(0), long("100"))
            await asyncio.wait({dying.task}, timeout=5)
            assert dying.task.done()
        assert not strategy.acknowledged

        async with trading():
            await strategy.until_acknowledged(1)
            await strategy.say_bytes(strategy.said[1])
            await strategy.decide(2, trigger(1))
            await strategy.until_acknowledged(2)

    assert len(await rows(database, tables.executions)) == 2
    assert len(await rows(database, tables.signals)) == 1
    assert not await rows(database, tables.repeats)


@pytest.mark.usefixtures("market")
async def test_what_is_wrong_is_refused_acknowledged_and_shown(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        await _later(database, 5)
        await strategy.decide(1, trigger(0), long("100", stop="101"))
        await strategy.decide(2, trigger(1), long("0"))
        await strategy.decide(3, trigger(500))
        await strategy.decide(4, "5m:0")
        await strategy.decide(5, trigger(2), state=msgspec.Raw(b'"' + b"x" * 20_000 + b'"'))
        await strategy.decide(6, trigger(3), long("1"), long("2"))
        await strategy.until_acknowledged(1, 2, 3, 4, 5, 6, resend=False)
        await strategy.say_bytes(b"\xff\x00nonsense")
        await strategy.say_bytes(b'{"type":"execution"}')
        await wait_until(lambda: _letters(database, 6))

    signals = await rows(database, tables.signals)
    assert {s["state"] for s in signals} == {"refused"}
    assert sorted("wrong side" in s["refusal"] for s in signals) == [False, True]
    assert {e["trigger"] for e in await rows(database, tables.executions)} == {
        trigger(0),
        trigger(1),
        trigger(3),
    }
    outcomes = {row["n"]: row["outcome"] for row in await rows(database, tables.inbox)}
    assert outcomes == {
        1: "committed", 2: "committed", 3: "refused", 4: "refused", 5: "refused", 6: "committed",
    }  # fmt: skip
    frames = "".join(row["frame"] for row in await rows(database, tables.dead_letters))
    assert "\\x00nonsense" in frames
    assert not await database.read(reading.accepted, SHARDS)


async def _letters(database: Database, number: int) -> bool:
    return len(await rows(database, tables.dead_letters)) == number


@pytest.mark.usefixtures("market")
async def test_a_new_generation_takes_over_once_it_shows_that_it_starts(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with (
        trading(),
        container(bus.client, DEPLOYMENT) as old,
        container(bus.client, DEPLOYMENT, 2, run="run-00000002") as new,
    ):
        await old.hello()
        await _later(database, 5)
        await old.decide(1, trigger(0))
        await old.until_acknowledged(1)

        await database.write(launches.launched, DEPLOYMENT, 2)
        waiting = await new.hello()
        assert waiting.active_from is None
        await old.decide(2, trigger(1))
        await old.until_acknowledged(2)

        welcome = await new.hello()
        assert (welcome.active_from, welcome.last_trigger) == (trigger(2), trigger(1))
        await new.decide(1, trigger(2))
        await old.decide(3, trigger(3))
        await new.until_acknowledged(1)
        await old.until_acknowledged(3)

        before = len(old.welcomes)
        await old.say(messages.Hello(old.run, 1, old.code_sha256))
        await asyncio.sleep(0.5)
        assert len(old.welcomes) == before

    decided = {e["trigger"]: e["generation"] for e in await rows(database, tables.executions)}
    assert decided == {trigger(0): 1, trigger(1): 1, trigger(2): 2}
    row = await one(database, deployments)
    assert (row["active_generation"], row["active_from"]) == (2, trigger(2))
    assert row["last_trigger"] == trigger(2)


@pytest.mark.usefixtures("market")
async def test_a_replacement_of_a_dead_generation_is_active_at_once(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading():
        async with container(bus.client, DEPLOYMENT) as old:
            await old.hello()
            await _later(database, 5)
            await old.decide(1, trigger(0), state=msgspec.Raw(b'{"kept":1}'))
            await old.until_acknowledged(1)

        def replace(tx: Tx) -> None:
            launches.end(tx, DEPLOYMENT, 1)
            launches.launched(tx, DEPLOYMENT, 2)

        await database.write(replace)
        async with container(bus.client, DEPLOYMENT, 2, run="run-00000002") as new:
            welcome = await new.hello()

    assert (welcome.active_from, welcome.last_trigger) == (trigger(1), trigger(0))
    assert bytes(welcome.state) == b'{"kept":1}'  # type: ignore[arg-type] # it is there


@pytest.mark.usefixtures("market")
async def test_other_code_than_was_launched_is_not_welcome(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT, code_sha256="other") as strategy:
        await _hello_until(strategy, lambda: _letters_at_least(database, 1))

    assert not strategy.welcomes
    letter = (await rows(database, tables.dead_letters))[0]
    assert "other code" in letter["reason"]


async def _hello_until(strategy: Any, holds: Any) -> None:
    async def said() -> bool:
        await strategy.say(messages.Hello(strategy.run, 1, strategy.code_sha256))
        await asyncio.sleep(0.1)
        return bool(await holds())

    await wait_until(said)


async def _letters_at_least(database: Database, number: int) -> bool:
    return len(await rows(database, tables.dead_letters)) >= number


@pytest.mark.usefixtures("market")
async def test_a_run_that_bears_anothers_name_is_not_welcome(
    bus: Bus, database: Database, trading: Start
) -> None:
    def second(tx: Tx) -> None:
        launches.deployed(tx, "dp2")
        launches.launched(tx, "dp2")

    await database.write(second)
    async with (
        trading(),
        container(bus.client, DEPLOYMENT) as honest,
        container(bus.client, "dp2", run=honest.run) as liar,
    ):
        await honest.hello()
        await _hello_until(liar, lambda: _letters_at_least(database, 1))

    assert not liar.welcomes
    assert (await one(database, runs))["deployment_id"] == DEPLOYMENT


@pytest.mark.usefixtures("market")
async def test_a_former_owner_writes_and_acknowledges_nothing(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading("first"), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        await _later(database, 5)

        def usurp(tx: Tx) -> None:
            tx.run(lease_rows.update().values(holder="second", epoch=lease_rows.c.epoch + 1))

        await database.write(usurp)
        await strategy.decide(1, trigger(0), long("100"))
        await asyncio.sleep(0.5)
        assert not strategy.acknowledged
        assert not await rows(database, tables.executions)

        async with trading("second"):
            await strategy.until_acknowledged(1)

    epochs = {row["epoch"] for row in await rows(database, tables.executions)}
    assert epochs == {2}


@pytest.mark.usefixtures("market")
async def test_a_lost_server_costs_nothing(
    bus: Bus, database: Database, trading: Start, redis_server: EmbeddedServer
) -> None:
    async with trading():
        async with container(bus.client, DEPLOYMENT) as strategy:
            await strategy.hello()
            await _later(database, 5)
            await strategy.decide(1, trigger(0))
            await strategy.until_acknowledged(1)
            said = strategy.said
        await redis_server.stop()
        await redis_server.start()
        async with container(bus.client, DEPLOYMENT) as strategy:
            strategy.said.update(said)
            welcome = await strategy.hello()
            assert welcome.last_trigger == trigger(0)
            await strategy.decide(2, trigger(1))
            await strategy.until_acknowledged(1, 2)

    assert len(await rows(database, tables.executions)) == 2


@pytest.mark.usefixtures("market")
async def test_a_pause_and_a_resume_are_told(bus: Bus, database: Database, trading: Start) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        await database.write(launches.desire, DEPLOYMENT, "paused")
        bus.hint(names.wake("generations"))
        await wait_until(lambda: strategy.controls == ["pause"])
        assert (await strategy.hello()).phase == "paused"
        await database.write(launches.desire, DEPLOYMENT, "running")
        await wait_until(lambda: strategy.controls == ["pause", "resume"])


@pytest.mark.usefixtures("market")
async def test_a_pause_that_nobody_heard_is_told_again(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading():
        async with container(bus.client, DEPLOYMENT) as strategy:
            await strategy.hello()
        await database.write(launches.desire, DEPLOYMENT, "paused")
        await asyncio.sleep(0.3)  # told while its connection was away
        async with container(bus.client, DEPLOYMENT, run=strategy.run) as strategy:
            await strategy.say(beat(strategy.run, "running"))
            await wait_until(lambda: strategy.controls == ["pause"])
            await strategy.say(beat(strategy.run, "paused"))
            await asyncio.sleep(0.3)
            assert strategy.controls == ["pause"]


@pytest.mark.usefixtures("market")
async def test_heartbeats_notes_and_byes_are_written_down(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        await strategy.say(beat(strategy.run, "running"))
        lines = tuple(
            messages.LogLine(k, "info", f"line {k}\x1b[2J\0" + "x" * 5_000) for k in range(3)
        )
        await strategy.say(messages.Notes(strategy.run, lines, (messages.Metric(7, "edge", 0.5),)))
        await strategy.say(messages.Bye(strategy.run, "told to stop"))

        async def gone() -> bool:
            return bool((await one(database, runs))["bye"] == "told to stop")

        await wait_until(gone)

    run = await one(database, runs)
    assert (run["phase"], run["rss_bytes"], run["lag_ms"]) == ("running", 32_000_000, 2**31 - 1)
    found = await rows(database, tables.log_lines)
    assert [row["text"][:15] for row in found] == [f"line {k}\\x1b[2J\\x" for k in range(3)]
    assert max(len(row["text"]) for row in found) < 1_100
    assert (await one(database, tables.metrics))["value"] == 0.5


@pytest.mark.usefixtures("market")
async def test_a_strategy_that_never_started_leaves_word_of_why(
    bus: Bus, database: Database, trading: Start
) -> None:
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:

        async def told() -> bool:
            await strategy.say(messages.Bye(strategy.run, "it does not load"))
            await asyncio.sleep(0.1)
            return [row["bye"] for row in await rows(database, runs)] == ["it does not load"]

        await wait_until(told)


@pytest.mark.usefixtures("market")
async def test_a_flood_is_cut_off_and_the_fleet_is_asked_to_stop_it(
    bus: Bus, database: Database, trading: Start
) -> None:
    user = names.user(DEPLOYMENT, 1)
    await bus.client.acl_setuser(
        user, enabled=True, nopass=True, channels=[names.up(DEPLOYMENT, 1)], commands=["+publish"]
    )
    async with trading(), container(bus.client, DEPLOYMENT) as strategy:
        await strategy.hello()
        async with bus.client.pipeline(transaction=False) as pipe:
            for _ in range(2_000):
                pipe.publish(names.up(DEPLOYMENT, 1), b"{}")
            await pipe.execute()

        async def cut() -> bool:
            return bool((await one(database, generations))["state"] == "cut_off")

        await wait_until(cut, seconds=1.0, what="the cut")
        asked = await one(database, commands.commands)

    assert user not in await bus.client.acl_users()
    assert (asked["role"], asked["kind"]) == ("fleet", "cut_off")
    assert msgspec.json.decode(asked["body"])["deployment"] == DEPLOYMENT
    told = await database.read(events.latest)
    assert "generation_cut_off" in {e["kind"] for e in told}
