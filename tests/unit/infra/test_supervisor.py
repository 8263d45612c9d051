import asyncio

import pytest

from control_plane.errors import Unavailable
from control_plane.infra.supervisor import FAILURES, LoopFailed, Supervisor
from tests.fakes.clock import FakeClock


async def test_a_loop_that_keeps_failing_ends_the_process(clock: FakeClock) -> None:
    runs = 0

    async def fails() -> None:
        nonlocal runs
        runs += 1
        raise RuntimeError("a bug")

    keeping = asyncio.ensure_future(Supervisor(clock).keep("sick", fails))
    await clock.advance(10)
    with pytest.raises(LoopFailed, match="sick"):
        await keeping
    assert runs == FAILURES


async def test_what_is_away_is_waited_for_however_long(clock: FakeClock) -> None:
    runs = 0

    async def waits() -> None:
        nonlocal runs
        runs += 1
        raise Unavailable("Redis does not answer.")

    supervisor = Supervisor(clock)
    keeping = asyncio.ensure_future(supervisor.keep("patient", waits))
    await clock.advance(60)
    assert runs > FAILURES
    assert not keeping.done()
    assert "Redis" in supervisor.states["patient"]

    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_failures_far_apart_do_not_add_up(clock: FakeClock) -> None:
    async def fails_now_and_then() -> None:
        await clock.sleep(30)
        raise RuntimeError("rare")

    keeping = asyncio.ensure_future(Supervisor(clock).keep("flaky", fails_now_and_then))
    await clock.advance(600)
    assert not keeping.done()
    keeping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await keeping


async def test_a_loop_that_cancels_itself_is_started_again(clock: FakeClock) -> None:
    runs = 0

    async def gives_up() -> None:
        nonlocal runs
        runs += 1
        raise asyncio.CancelledError

    keeping = asyncio.ensure_future(Supervisor(clock).keep("shy", gives_up))
    await clock.advance(10)
    with pytest.raises(LoopFailed, match="shy"):
        await keeping
    assert runs == FAILURES


async def test_what_a_failed_group_leaves_behind_does_not_reach_the_next_run(
    clock: FakeClock,
) -> None:
    left: list[int] = []

    async def fails() -> None:
        task = asyncio.current_task()
        assert task is not None
        left.append(task.cancelling())
        async with asyncio.TaskGroup() as group:
            group.create_task(_breaks())

    keeping = asyncio.ensure_future(Supervisor(clock).keep("sick", fails))
    await clock.advance(10)
    with pytest.raises(LoopFailed):
        await keeping
    assert left == [0] * FAILURES


async def _breaks() -> None:
    await asyncio.sleep(0)
    raise RuntimeError("a bug")
