"""The loop around the steps: it makes a fake engine agree with the database, and recovers."""

from dataclasses import replace

import pytest
from sqlalchemy import select, update

from control_plane.containers.errors import LaunchFailed, LaunchRefused
from control_plane.containers.models import Facts, Handle, Running
from control_plane.core.ids import DeploymentId, Shard, shard_of
from control_plane.deployments import service
from control_plane.deployments.models.status import Change
from control_plane.deployments.models.wishes import Policy
from control_plane.deployments.service import Advance
from control_plane.deployments.store.tables import generations
from control_plane.infra.commands import commands
from control_plane.infra.db import Tx
from control_plane.infra.failpoints import Arming, FailpointRaised
from control_plane.infra.leases import leases
from control_plane.infra.paging import Asked
from tests.integration.deployments.conftest import INSTALLATION, ME, Harbour

pytestmark = pytest.mark.redis

CRASH = Facts("exited", 1)


async def test_a_wish_becomes_a_container_with_its_own_user(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()

    (spec,) = harbour.engine.launched
    assert (spec.deployment, spec.generation, spec.installation) == (one.id, 1, INSTALLATION)
    assert await harbour.users() == {f"dep-{one.id}-g1"}
    assert await harbour.bus.client.exists(f"boot:{one.id}:1")
    status = await harbour.status(one)
    assert (status.observed, status.reason) == ("starting", "waits for its first word")
    assert status.launcher == "fake"


async def test_what_it_says_is_what_people_see(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.hear(one, 1)
    await harbour.settle(1)

    assert (await harbour.status(one)).observed == "running"


async def test_a_stopped_one_leaves_nothing_behind(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.use.stop(ME, one.id)
    await harbour.settle()

    assert harbour.engine.names() == []
    assert await harbour.users() == set()
    assert not await harbour.bus.client.exists(f"boot:{one.id}:1")
    assert (await harbour.status(one)).observed == "stopped"


async def test_a_crash_is_told_and_launched_anew_after_its_pause(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    harbour.engine.die(harbour.container(one, 1), CRASH, "Traceback\nZeroDivisionError: x\n")
    await harbour.settle()

    status = await harbour.status(one)
    assert (status.observed, status.reason) == (
        "restarting",
        "ended with exit 1: ZeroDivisionError: x",
    )
    assert status.log_tail == "Traceback\nZeroDivisionError: x\n"
    assert harbour.engine.names() == []

    await harbour.settle(1)
    assert harbour.engine.names() == [f"slipway-{one.id}-g2"]
    assert (await harbour.status(one)).restarts == 1


async def test_five_crashes_are_enough_until_a_person_asks(harbour: Harbour) -> None:
    one = await harbour.deploy()
    for number in range(1, 6):
        await harbour.settle(20)
        harbour.engine.die(harbour.container(one, number), CRASH)
        await harbour.settle()

    await harbour.settle(1_000)
    status = await harbour.status(one)
    assert (status.observed, status.generation) == ("crash_loop", 5)
    assert harbour.engine.names() == []

    await harbour.use.start(ME, one.id)
    await harbour.settle()
    assert harbour.engine.names() == [f"slipway-{one.id}-g6"]


@pytest.mark.parametrize(("wanted", "asked"), [("keep", []), ("flatten", ["flatten"])])
async def test_positions_of_one_that_is_given_up_are_left_as_its_owner_wanted(
    harbour: Harbour, wanted: str, asked: list[str]
) -> None:
    one = await harbour.deploy(on_crash=wanted)
    await harbour.settle()
    harbour.engine.die(harbour.container(one, 1), Facts("exited", 4), "it does not start")
    await harbour.settle()

    rows = await harbour.db.read(lambda tx: tx.all(select(commands)))
    assert [(row.role, row.kind) for row in rows] == [("trading", kind) for kind in asked]


async def test_decisions_that_all_fail_are_told_and_end_in_giving_up(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    reasons = []
    for minute in range(1, 31):
        failed = Advance(one.id, f"1m:{minute}", minute, None, "{}", "ValueError: x")
        await harbour.db.write(service.advance, [failed])
        status = await harbour.status(one)
        await harbour.hear(one, status.generation)
        await harbour.settle(5)
        status = await harbour.status(one)
        reasons.append((status.observed, status.reason))

    assert reasons[1] == ("running", "")
    assert reasons[2] == ("running", "its last 3 decisions failed: ValueError: x")
    assert ("restarting", "its last 10 decisions failed: ValueError: x") in reasons
    assert status.observed == "failed"
    assert status.reason == "its last 30 decisions failed: ValueError: x"


async def test_memory_that_grows_brings_a_new_launch_before_it_runs_out(harbour: Harbour) -> None:
    one = await harbour.deploy(memory_mb=100)
    await harbour.settle()
    for minute in range(65):
        await harbour.hear(one, 1, rss_mb=30 + minute)
        await harbour.settle(15)
        if len(harbour.engine.launched) > 1:
            break

    assert harbour.engine.names() == [f"slipway-{one.id}-g1", f"slipway-{one.id}-g2"]
    status = await harbour.status(one)
    assert (status.observed, status.restarts) == ("running", 0)
    found = await harbour.use.history(ME, one.id, Asked())
    launched = next(row for row in found.rows if row.kind == "generation_launched")
    assert "its memory grows by" in launched.body


async def test_old_launches_are_forgotten(harbour: Harbour) -> None:
    one = await harbour.deploy()
    for number in range(1, 25):
        await harbour.settle(400)
        harbour.engine.die(harbour.container(one, number), CRASH)
        await harbour.settle()

    kept = await harbour.db.read(lambda tx: tx.all(select(generations.c.generation)))
    assert sorted(row.generation for row in kept) == list(range(4, 25))


async def test_code_that_does_not_start_is_failed_at_once(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    harbour.engine.die(harbour.container(one, 1), Facts("exited", 4), "the strategy does not start")
    await harbour.settle(600)

    status = await harbour.status(one)
    assert status.observed == "failed"
    assert status.reason == "the strategy does not start"


async def test_one_that_is_out_of_memory_is_told_with_its_limit(harbour: Harbour) -> None:
    one = await harbour.deploy(memory_mb=256)
    await harbour.settle()
    harbour.engine.die(harbour.container(one, 1), Facts("exited", 137, out_of_memory=True))
    await harbour.settle()

    assert (await harbour.status(one)).reason == "killed: used more than 256 MB"


async def test_one_that_was_removed_by_hand_comes_back(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.engine.remove(harbour.container(one, 1))
    await harbour.settle()

    assert harbour.engine.names() == [f"slipway-{one.id}-g2"]


async def test_foreign_containers_are_never_touched(harbour: Harbour) -> None:
    foreign = Running(Handle("theirs"), "inst-2", DeploymentId("x"), 1, "running")
    harbour.engine.put(foreign)
    harbour.engine.put(replace(foreign, handle=Handle("theirs-too"), state="exited"))
    stray = Running(Handle("ours"), INSTALLATION, DeploymentId("x"), 1, "running")
    harbour.engine.put(stray)

    await harbour.settle()

    assert harbour.engine.names() == ["theirs", "theirs-too"]


async def test_an_engine_that_is_away_is_unknown_and_starts_nothing_twice(
    harbour: Harbour,
) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.hear(one, 1)
    await harbour.settle()
    harbour.engine.is_reachable = False
    await harbour.settle(5)

    status = await harbour.status(one)
    assert (status.observed, status.reason) == ("running", "unknown: The engine is away.")

    harbour.engine.is_reachable = True
    await harbour.settle()
    status = await harbour.status(one)
    assert (status.observed, status.reason) == ("running", "")
    assert len(harbour.engine.launched) == 1


async def test_what_an_engine_cannot_launch_is_tried_again_and_told(harbour: Harbour) -> None:
    harbour.engine.refusal = LaunchFailed("The Docker engine has no image 'x'.")
    one = await harbour.deploy()
    await harbour.settle()
    status = await harbour.status(one)
    assert status.observed == "pending"
    assert status.reason == "could not be launched: The Docker engine has no image 'x'."
    assert await harbour.users() == set()

    harbour.engine.refusal = None
    await harbour.settle(2)
    assert len(harbour.engine.launched) == 1


async def test_what_we_refuse_to_launch_fails(harbour: Harbour) -> None:
    harbour.engine.refusal = LaunchRefused("A plain process is no sandbox.")
    one = await harbour.deploy()
    await harbour.settle(600)

    assert (await harbour.status(one)).observed == "failed"
    assert (await harbour.status(one)).reason == "A plain process is no sandbox."


@pytest.mark.parametrize(
    ("point", "containers"),
    [("launch.before_create", 0), ("launch.after_start", 1), ("launch.before_record", 1)],
)
async def test_a_kill_in_the_middle_of_a_launch_doubles_nothing(
    harbour: Harbour, point: str, containers: int
) -> None:
    one = await harbour.deploy()
    harbour.points.armed[point] = Arming("raise")
    with pytest.raises(ExceptionGroup) as died:
        await harbour.settle()
    assert died.group_contains(FailpointRaised)
    assert len(harbour.engine.names()) == containers

    await harbour.reborn().settle()

    assert len(harbour.engine.names()) == 1
    assert len(harbour.engine.launched) == 1
    generation = 1 if containers else 2
    assert harbour.engine.names() == [f"slipway-{one.id}-g{generation}"]
    assert await harbour.users() == {f"dep-{one.id}-g{generation}"}


async def test_containers_outlive_the_control_plane_and_are_adopted(harbour: Harbour) -> None:
    ones = [await harbour.deploy() for _ in range(3)]
    await harbour.settle()
    for one in ones:
        await harbour.hear(one, 1)

    after = harbour.reborn()
    await after.settle(60)
    await after.settle(10)

    assert len(harbour.engine.launched) == 3
    assert len(harbour.engine.names()) == 3


async def test_one_that_another_process_wrote_off_ends_where_it_runs(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    shard = shard_of(one.id)
    await harbour.db.write(_give_away, shard)
    await harbour.settle()
    assert harbour.engine.names() == [harbour.container(one, 1)]

    await harbour.db.write(_write_off, one.id)
    await harbour.settle()
    assert harbour.engine.names() == []


def _give_away(tx: Tx, shard: Shard) -> None:
    values = {"holder": "another", "installation": "theirs", "expires_ms": tx.now_ms() + 10**9}
    tx.run(update(leases).where(leases.c.role == "fleet", leases.c.shard == shard).values(values))


def _write_off(tx: Tx, deployment: str) -> None:
    of = generations.c.deployment_id == deployment
    tx.run(update(generations).where(of).values(state="ended"))


async def test_launches_keep_to_the_budget(harbour: Harbour) -> None:
    for _ in range(7):
        await harbour.deploy()

    await harbour.settle()
    assert len(harbour.engine.launched) == 4
    await harbour.settle(1)
    assert len(harbour.engine.launched) == 6
    await harbour.settle(1)
    assert len(harbour.engine.launched) == 7


async def test_a_change_is_handed_over(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.hear(one, 1)
    await harbour.settle()

    await harbour.use.change(ME, one.id, Change(parameters={"fast": 20}))
    await harbour.settle()
    assert harbour.engine.names() == [f"slipway-{one.id}-g1", f"slipway-{one.id}-g2"]

    await harbour.hear(one, 2)
    await harbour.settle(1)
    assert harbour.engine.names() == [f"slipway-{one.id}-g2"]
    assert (await harbour.status(one)).observed == "running"
    assert (await harbour.status(one)).restarts == 0


async def test_a_cut_off_container_ends_at_once_and_stays_away(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    body = {"deployment": one.id, "generation": 1, "reason": "flooded: 900 frames in 250 ms"}

    await harbour.fleet.cut_off(body)

    assert harbour.engine.stopped == [(harbour.container(one, 1), 0)]
    assert await harbour.users() == set()
    await harbour.settle(600)
    status = await harbour.status(one)
    assert (status.observed, status.reason) == ("failed", "flooded: 900 frames in 250 ms")
    assert harbour.engine.names() == []

    await harbour.fleet.cut_off(body)  # a command may come twice
    await harbour.use.start(ME, one.id)
    await harbour.settle()
    assert harbour.engine.names() == [f"slipway-{one.id}-g2"]


async def test_a_silent_one_is_launched_anew(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.hear(one, 1)
    await harbour.settle(1)

    for _ in range(7):
        await harbour.settle(3)
    assert (await harbour.status(one)).reason == "hung: no heartbeat for 20 s"
    await harbour.settle(1)
    assert harbour.engine.names() == [f"slipway-{one.id}-g2"]


async def test_one_that_beats_and_decides_nothing_is_launched_anew(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.candle(60_000)
    await harbour.hear(one, 1)
    await harbour.settle(1)
    await harbour.candle(120_000)

    for _ in range(5):
        await harbour.hear(one, 1)
        await harbour.settle(3)

    assert (await harbour.status(one)).reason == "hung: no decision 10 s after a candle"
    assert harbour.engine.stopped == [(harbour.container(one, 1), harbour.policy.ill_grace)]


async def test_silence_while_nobody_listened_is_no_reason(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.hear(one, 1)
    await harbour.settle()
    await harbour.trading.release()

    for _ in range(20):
        await harbour.clock.advance(5)
        await harbour.leases.once()
        await harbour.fleet.settle()

    assert harbour.engine.names() == [f"slipway-{one.id}-g1"]


async def test_an_ordered_end_stops_all_and_the_next_start_launches_all(harbour: Harbour) -> None:
    ones = [await harbour.deploy() for _ in range(2)]
    await harbour.settle()

    await harbour.fleet.stop_all()
    assert harbour.engine.names() == []
    assert await harbour.users() == set()
    await harbour.settle()
    assert harbour.engine.names() == []

    await harbour.reborn().settle()
    assert harbour.engine.names() == sorted(f"slipway-{one.id}-g2" for one in ones)
    assert [s.restarts for s in await harbour.use.list(ME)] == [0, 0]


async def test_a_paused_one_runs_on(harbour: Harbour) -> None:
    one = await harbour.deploy()
    await harbour.settle()
    await harbour.use.pause(ME, one.id)
    await harbour.hear(one, 1, "paused")
    await harbour.settle(1)

    assert (await harbour.status(one)).observed == "paused"
    assert harbour.engine.stopped == []


def test_the_policy_scales_every_pause() -> None:
    assert Policy(scale=0.05).ms(20) == 1_000
