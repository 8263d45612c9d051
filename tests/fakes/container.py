"""A strategy's process as trading hears it: says hello, decides what it is told to, resends until
it is acknowledged.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from hashlib import sha256
from typing import Any

import msgspec
from redis.asyncio import Redis

from strategy_runtime.wire import messages, names
from tests.conftest import wait_until

CODE = "class Nothing: pass"
CODE_SHA256 = sha256(CODE.encode()).hexdigest()


@dataclass
class FakeContainer:
    client: Redis
    deployment: str
    generation: int = 1
    run: str = "run-00000001"
    code_sha256: str = CODE_SHA256
    heard: list[messages.Down] = field(default_factory=list)
    said: dict[int, bytes] = field(default_factory=dict)

    @property
    def welcomes(self) -> list[messages.Welcome]:
        return [m for m in self.heard if isinstance(m, messages.Welcome) and m.run == self.run]

    @property
    def controls(self) -> list[str]:
        return [m.do for m in self.heard if isinstance(m, messages.Control)]

    @property
    def acknowledged(self) -> set[int]:
        acks = [m for m in self.heard if isinstance(m, messages.Ack) and m.run == self.run]
        return {n for ack in acks for n in ack.n}

    async def hello(self) -> messages.Welcome:
        """Until it is welcome."""
        before = len(self.welcomes)

        async def welcomed() -> bool:
            await self.say(messages.Hello(self.run, 1, self.code_sha256))
            await asyncio.sleep(0.1)
            return len(self.welcomes) > before

        await wait_until(welcomed, what=f"a welcome for {self.run}")
        return self.welcomes[-1]

    async def say(self, message: msgspec.Struct) -> None:
        await self.say_bytes(messages.encode(message))

    async def say_bytes(self, frame: bytes) -> None:
        await self.client.publish(names.up(self.deployment, self.generation), frame)

    async def decide(self, n: int, trigger: str, *signals: messages.Signal, **more: Any) -> None:
        execution = messages.Execution(
            run=self.run,
            n=n,
            trigger=trigger,
            **{
                "outcome": "signal" if signals else "none",
                "took_us": 5,
                "published_ms": 1,
                "decided_ms": 2,
                "position": messages.Position(),
                "signals": signals,
                **more,
            },
        )
        self.said[n] = messages.encode(execution)
        await self.say_bytes(self.said[n])

    async def until_acknowledged(self, *numbers: int, resend: bool = True) -> None:
        async def done() -> bool:
            missing = set(numbers) - self.acknowledged
            for n in sorted(missing) if resend else ():
                await self.say_bytes(self.said[n])
                await asyncio.sleep(0.05)
            return not missing

        await asyncio.sleep(0.02)
        await wait_until(done, what=f"the acknowledgement of {numbers}")

    async def listen(self) -> None:
        async with self.client.pubsub(ignore_subscribe_messages=True) as pubsub:
            await pubsub.subscribe(names.down(self.deployment, self.generation))
            async for message in pubsub.listen():
                self.heard.append(messages.decode_down(message["data"]))


@asynccontextmanager
async def container(
    client: Redis, deployment: str, generation: int = 1, **more: Any
) -> AsyncIterator[FakeContainer]:
    made = FakeContainer(client, deployment, generation, **more)
    async with asyncio.TaskGroup() as group:
        listening = group.create_task(made.listen())
        await asyncio.sleep(0.05)
        yield made
        listening.cancel()


def long(price: str, stop: str | None = None, target: str | None = None) -> messages.Signal:
    return messages.Signal(
        "LONG",
        Decimal(price),
        None if stop is None else Decimal(stop),
        None if target is None else Decimal(target),
    )
