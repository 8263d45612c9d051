"""Settles what waits, in groups, and answers.

Whatever waits when a commit ends goes into the next one, of whichever deployment: the disk is asked
once a group. An acknowledgement follows its commit; a lost one costs a resend that the inbox knows.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property

from loguru import logger
from redis.exceptions import RedisError

from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId
from control_plane.errors import Unavailable
from control_plane.infra.bus import Bus
from control_plane.infra.failpoints import Failpoints
from control_plane.infra.isolation import Isolation
from control_plane.signals.models.frames import Refused
from control_plane.signals.models.settling import Arrival, Settled
from control_plane.signals.service.recording import Greeting, Recorder
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

    @cached_property
    def isolation(self) -> Isolation:
        return Isolation(self.recorder.db, self.clock)

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
        arrivals = [arrival for _, arrival in group]
        parts = await self.isolation.together("frame", arrivals, self.recorder.commit, _named)
        settled = [one for part in parts for one in part]
        await self.failpoints.hit("signal.after_inbox_commit")
        self.inlet.done(len(group))
        channels = {id(arrival): channel for channel, arrival in group}
        for one in settled:
            if one.outcome in {"refused", "committed"} and one.reason:
                letter = channels[id(one.arrival)].notebook.letter
                letter(self.clock.monotonic(), one.reason, one.arrival.frame)
        await self.failpoints.hit("signal.before_ack")
        await self.mouth.say(_acknowledgements(settled))

    async def greet(self) -> None:
        waiting = self.inlet.hellos(GROUP)
        if not waiting:
            return
        greetings = [greeting for _, greeting in waiting]
        parts = await self.isolation.together("hello", greetings, self._welcome, _place_of)
        answers = {id(greeting): answer for part in parts for greeting, answer in part}
        self.inlet.answered(len(waiting))
        welcomes: list[tuple[Place, messages.Down]] = []
        for channel, greeting in waiting:
            match answers.get(id(greeting)):
                case messages.Welcome() as answer:
                    welcomes.append((channel.place, answer))
                    channel.told = answer.phase
                case Refused(reason):
                    hello = messages.encode(greeting.hello)
                    channel.notebook.letter(self.clock.monotonic(), reason, hello)
        await self.mouth.say(welcomes)

    async def _welcome(
        self, greetings: Sequence[Greeting]
    ) -> list[tuple[Greeting, messages.Welcome | Refused | None]]:
        answers = await self.recorder.welcome(greetings)
        return list(zip(greetings, answers, strict=True))


def _place_of(greeting: Greeting) -> str:
    return f"{greeting.deployment}:{greeting.generation}"


def _named(arrival: Arrival) -> str:
    return ":".join(map(str, arrival.key))


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
