"""Settles what waits, in groups, and answers.

Whatever waits when a commit ends goes into the next one, of whichever deployment: the disk is asked
once a group. An acknowledgement follows its commit; a lost one costs a resend that the inbox knows.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from loguru import logger
from redis.exceptions import RedisError

from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.failpoints import Failpoints
from control_plane.signals.models.frames import Refused
from control_plane.signals.models.settling import Settled
from control_plane.signals.service.recording import Recorder
from control_plane.signals.worker.hearing import Inlet, Place
from strategy_runtime.wire import messages, names

GROUP = 200  # frames that are settled in one transaction
RETRY_SECONDS = 0.2


@dataclass(frozen=True)
class Mouth:
    """Speaks on the `down:` channels."""

    bus: Bus

    async def say(self, what: Sequence[tuple[Place, messages.Down]]) -> bool:
        """One round trip for all of it. What is lost is asked for again."""
        if not what:
            return True
        with suppress(RedisError, OSError):
            async with self.bus.client.pipeline(transaction=False) as pipe:
                for (deployment, generation), message in what:
                    pipe.publish(names.down(deployment, generation), messages.encode(message))
                await pipe.execute()
            return True
        return False


@dataclass(frozen=True)
class Settler:
    inlet: Inlet
    recorder: Recorder
    mouth: Mouth
    clock: Clock
    failpoints: Failpoints

    async def run(self) -> None:
        while True:
            await self.inlet.due.wait()
            self.inlet.due.clear()
            while self.inlet.arrivals or self.inlet.greetings:
                try:
                    await self.settle()
                    await self.greet()
                except Unavailable as error:
                    logger.warning("intake_waits", reason=str(error))
                    await self.clock.sleep(RETRY_SECONDS)

    async def settle(self) -> None:
        group = self.inlet.group(GROUP)
        if not group:
            return
        await self.failpoints.hit("signal.before_inbox")
        settled = await self.recorder.commit([arrival for _, arrival in group])
        await self.failpoints.hit("signal.after_inbox_commit")
        self.inlet.done(len(group))
        for (channel, arrival), one in zip(group, settled, strict=True):
            if one.outcome in {"refused", "committed"} and one.reason:
                channel.notebook.letter(self.clock.monotonic(), one.reason, arrival.frame)
        await self.failpoints.hit("signal.before_ack")
        await self.mouth.say(_acknowledgements(settled))

    async def greet(self) -> None:
        waiting = self.inlet.hellos(GROUP)
        if not waiting:
            return
        answers = await self.recorder.welcome([greeting for _, greeting in waiting])
        self.inlet.answered(len(waiting))
        welcomes: list[tuple[Place, messages.Down]] = []
        for (channel, greeting), answer in zip(waiting, answers, strict=True):
            match answer:
                case messages.Welcome():
                    welcomes.append((channel.place, answer))
                    channel.told = answer.phase
                case Refused(reason):
                    hello = messages.encode(greeting.hello)
                    channel.notebook.letter(self.clock.monotonic(), reason, hello)
        await self.mouth.say(welcomes)


def _acknowledgements(settled: Sequence[Settled]) -> list[tuple[Place, messages.Down]]:
    """One for each run: what is not ours to settle stays unacknowledged, and comes again."""
    by_run: dict[tuple[DeploymentId, int, str], list[int]] = {}
    for one in settled:
        if one.outcome != "left":
            deployment, generation, run, n = one.arrival.key
            by_run.setdefault((deployment, generation, run), []).append(n)
    return [
        ((deployment, generation), messages.Ack(run, tuple(numbers)))
        for (deployment, generation, run), numbers in by_run.items()
    ]
