"""What asyncio leaves open about tasks."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


async def in_its_own_task(work: Coroutine[Any, Any, T]) -> T:
    """For work whose failure the caller survives.

    A task group that fails cancels the task around it, and up to Python 3.12 may forget to take
    that back. Under 3.11.2, which Debian 12 has, the next timeout in such a task is then no
    TimeoutError but a cancellation, and a loop that meant to go on is gone without a word.
    """
    return await asyncio.create_task(work)  # noqa: TID251 # awaited where it is made
