import asyncio

import pytest

from control_plane.infra.tasks import in_its_own_task


async def breaks() -> None:
    await asyncio.sleep(0)
    raise ValueError("broken")


async def group() -> None:
    async with asyncio.TaskGroup() as inner:
        inner.create_task(breaks())


def cancelling() -> int:
    task = asyncio.current_task()
    assert task is not None
    return task.cancelling()


async def test_a_failed_group_leaves_its_caller_as_it_was() -> None:
    with pytest.raises(ExceptionGroup):
        await in_its_own_task(group())

    assert cancelling() == 0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.sleep(1)


async def test_whoever_waits_takes_the_work_with_it() -> None:
    ended = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.set()

    waiting = asyncio.ensure_future(in_its_own_task(work()))
    await asyncio.sleep(0.01)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert ended.is_set()
