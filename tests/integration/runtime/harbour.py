"""The control plane as a strategy's process sees it: a bus, a launch, and somebody who answers."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import msgspec
from redis.asyncio import Redis
from redis.exceptions import RedisError

from control_plane.infra.embedded import EmbeddedServer
from strategy_runtime import wire
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import (
    Ack,
    Boot,
    Bye,
    Candle,
    Control,
    Execution,
    Heartbeat,
    Hello,
    Notes,
    Tick,
    Up,
    Welcome,
    decode_up,
    encode,
)
from tests.conftest import wait_until

ROOT = Path(__file__).parents[3]
INSTRUMENT = "fut:B-BTC_USDT"
DEPLOYMENT = "dptest"
PASSWORD = "p/w:with@signs"
SCALE = "0.1"

# Isolated from the environment, as in a container, and yet the code of this very tree.
RUN = (
    "import runpy, sys; sys.path.insert(0, sys.argv.pop(1)); "
    "runpy.run_module('strategy_runtime.main', run_name='__main__', alter_sys=True)"
)

COUNTING = """
from strategy_runtime import BaseStrategy

class Counting(BaseStrategy):
    def on_start(self):
        self.average = self.sma(3)

    def on_candle(self, candle):
        self.state["n"] = self.state.get("n", 0) + 1
        self.log(f"saw {candle.close:g}")
        if candle.close > 100:
            return self.long(stop_loss=candle.close * 0.9)
        return self.exit_long()

    def on_stop(self):
        self.log("good-bye")
"""


@dataclass
class Harbour:
    server: EmbeddedServer
    redis: Redis
    code: str = COUNTING
    generation: int = 1
    ticks: bool = False
    lookback: int = 50
    resolutions: tuple[str, ...] = ()
    parameters: Mapping[str, object] = field(default_factory=dict)
    welcome: Welcome | None = None
    acknowledges: bool = True
    frames: list[Up] = field(default_factory=list)
    process: asyncio.subprocess.Process | None = None
    listener: asyncio.Task[None] | None = None

    # ---- launching -----------------------------------------------------------------------------

    def payload(self) -> bytes:
        return encode(
            Boot(
                deployment=DEPLOYMENT,
                generation=self.generation,
                code=self.code,
                code_sha256=hashlib.sha256(self.code.encode()).hexdigest(),
                instrument=INSTRUMENT,
                resolution="1m",
                parameters={
                    name: msgspec.Raw(msgspec.json.encode(value))
                    for name, value in self.parameters.items()
                },
                ticks=self.ticks,
                lookback=self.lookback,
                resolutions=self.resolutions,
            )
        )

    async def furnish(self) -> None:
        """What fleet makes: the user with exactly its rights, and the launch payload."""
        d, g = DEPLOYMENT, self.generation
        seen = ("1m", *self.resolutions)
        reads = [*(names.history(INSTRUMENT, name) for name in seen), names.boot(d, g)]
        hears = [names.ticks(INSTRUMENT), names.down(d, g)]
        hears += [names.candles(INSTRUMENT, name) for name in seen]
        await cast("Any", self.redis).execute_command(
            "ACL", "SETUSER", names.user(d, g), "reset", "on", f">{PASSWORD}",
            *[f"%R~{key}" for key in reads],
            "+get", "+xrange", "+ping", "+auth",
            f"(+subscribe +unsubscribe resetchannels {' '.join(f'&{name}' for name in hears)})",
            f"(+publish resetchannels &{names.up(d, g)})",
        )  # fmt: skip
        await self.redis.set(names.boot(d, g), self.payload())

    def environment(self) -> dict[str, str]:
        user = names.user(DEPLOYMENT, self.generation)
        password = PASSWORD.replace("/", "%2F").replace(":", "%3A").replace("@", "%40")
        return {
            wire.ENV_BUS_URL: f"unix://{user}:{password}@{self.server.socket_path}",
            wire.ENV_DEPLOYMENT: DEPLOYMENT,
            wire.ENV_GENERATION: str(self.generation),
            wire.ENV_BOOT_SHA256: hashlib.sha256(self.payload()).hexdigest(),
            wire.ENV_TIME_SCALE: SCALE,
        }

    async def launch(self, environment: Mapping[str, str] | None = None) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable, "-I", "-c", RUN, str(ROOT),
            env=self.environment() if environment is None else environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip

    async def ended(self, seconds: float = 15.0) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of the process."""
        assert self.process is not None
        async with asyncio.timeout(seconds):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()

    def terminate(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)

    async def close(self) -> None:
        if self.process is not None and self.process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)
            await self.process.communicate()
        await self.deafen()

    # ---- answering -----------------------------------------------------------------------------

    async def listen(self) -> None:
        ready = asyncio.Event()
        self.listener = asyncio.get_running_loop().create_task(self._listen(ready))
        async with asyncio.timeout(5):
            await ready.wait()

    async def deafen(self) -> None:
        if self.listener is not None:
            self.listener.cancel()
            with suppress(asyncio.CancelledError):
                await self.listener
            self.listener = None

    async def _listen(self, ready: asyncio.Event) -> None:
        async with self.redis.pubsub() as pubsub:
            await pubsub.subscribe(names.up(DEPLOYMENT, self.generation))
            try:
                async for message in pubsub.listen():
                    ready.set()
                    if message["type"] == "message":
                        await self._answer(decode_up(message["data"]))
            except RedisError:
                return  # the server was killed: a test listens again

    async def _answer(self, message: Up) -> None:
        self.frames.append(message)
        if isinstance(message, Hello) and self.welcome is not None:
            await self.tell(msgspec.structs.replace(self.welcome, run=message.run))
        if isinstance(message, Execution) and self.acknowledges:
            await self.tell(Ack(message.run, (message.n,)))

    async def tell(self, message: Welcome | Ack | Control) -> None:
        await self.redis.publish(names.down(DEPLOYMENT, self.generation), encode(message))

    async def close_candle(
        self, bar: Candle, *, publish: bool = True, resolution: str = "1m"
    ) -> None:
        await self.redis.xadd(
            names.history(INSTRUMENT, resolution), {"c": encode(bar)}, id=f"{bar.open_ms}-0"
        )
        if publish:
            await self.publish(bar, resolution)

    async def publish(self, bar: Candle, resolution: str = "1m") -> None:
        await self.redis.publish(names.candles(INSTRUMENT, resolution), encode(bar))

    async def trade(self, tick: Tick) -> None:
        await self.redis.publish(names.ticks(INSTRUMENT), encode(tick))

    # ---- what was heard ------------------------------------------------------------------------

    @property
    def hellos(self) -> list[Hello]:
        return [frame for frame in self.frames if isinstance(frame, Hello)]

    @property
    def heartbeats(self) -> list[Heartbeat]:
        return [frame for frame in self.frames if isinstance(frame, Heartbeat)]

    @property
    def executions(self) -> list[Execution]:
        return [frame for frame in self.frames if isinstance(frame, Execution)]

    @property
    def notes(self) -> list[Notes]:
        return [frame for frame in self.frames if isinstance(frame, Notes)]

    @property
    def lines(self) -> list[str]:
        return [line.text for note in self.notes for line in note.lines]

    @property
    def byes(self) -> list[Bye]:
        return [frame for frame in self.frames if isinstance(frame, Bye)]

    @property
    def triggers(self) -> list[str]:
        return [execution.trigger for execution in self.executions]

    async def bye(self) -> Bye:
        await wait_until(lambda: self.byes, what="a bye")
        return self.byes[0]

    async def until(self, holds: Callable[[], object], what: str, seconds: float = 10.0) -> None:
        """Wait for it; a process that has ended meanwhile says why."""

        def seen() -> bool:
            assert self.process is None or self.process.returncode is None, "the process ended"
            return bool(holds())

        try:
            await wait_until(seen, seconds, what)
        except AssertionError as error:
            await self.deafen()
            heard = [type(frame).__name__ for frame in self.frames][-20:]
            if self.process is not None:
                with suppress(ProcessLookupError):
                    os.kill(self.process.pid, signal.SIGKILL)
                _, _, said = await self.ended()
                raise AssertionError(f"{error}; heard {heard}; it said:\n{said}") from error
            raise
