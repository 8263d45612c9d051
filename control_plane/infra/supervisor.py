"""Keeps a process's endless loops: each failure is logged at once, and one that goes on ends the
process.

Crash only: whatever starts us again also recovers us, so a loop is repeated a few times and never
nursed.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from loguru import logger

from control_plane.core.clock import Clock
from control_plane.errors import Unavailable
from control_plane.infra.tasks import in_its_own_task

FAILURES = 5
WITHIN_SECONDS = 60.0
PAUSE_SECONDS = 0.5
UNAVAILABLE_PAUSE_SECONDS = 1.0


class LoopFailed(Exception):
    """A loop failed again and again: the process ends and is started anew."""


@dataclass
class Supervisor:
    clock: Clock
    states: dict[str, str] = field(default_factory=dict)

    async def keep(self, name: str, loop: Callable[[], Awaitable[None]]) -> None:
        """Run `loop` for ever. A dependency that is away is waited for; any other failure
        counts.
        """
        failures: deque[float] = deque(maxlen=FAILURES)
        while True:
            self.states[name] = "running"
            try:
                # A failure of a group within it leaves nothing behind for the next run.
                await in_its_own_task(_run(loop))
                logger.warning("loop_returned", loop=name)
            except asyncio.CancelledError:
                if _is_asked_to_end():
                    self.states[name] = "stopped"
                    raise
                logger.error("loop_cancelled_itself", loop=name)
            except Unavailable as error:
                self.states[name] = f"waiting: {error}"
                logger.warning("loop_waits", loop=name, reason=str(error))
                await self.clock.sleep(UNAVAILABLE_PAUSE_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001 # the one place where a bug in a loop is met
                logger.opt(exception=error).error("loop_failed", loop=name)

            now = self.clock.monotonic()
            failures.append(now)
            if len(failures) == FAILURES and now - failures[0] < WITHIN_SECONDS:
                raise LoopFailed(f"{name} failed {FAILURES} times within {WITHIN_SECONDS:g} s")
            self.states[name] = "restarting"
            await self.clock.sleep(PAUSE_SECONDS)


async def _run(loop: Callable[[], Awaitable[None]]) -> None:
    await loop()


def _is_asked_to_end() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
