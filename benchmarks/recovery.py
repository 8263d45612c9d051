"""How long until a strategy that was killed runs again, and one that hangs is launched anew.

    python -m benchmarks.recovery [TRIALS]

Each trial has a deployment of its own: back-off and quarantine, which follow repeated crashes, are
not what is measured. Killed: from the kill to the next launch that is told as running. Hung: from
the publication of the candle that it did not decide to the next launch's first word.
"""

import asyncio
import statistics
import sys
import time

from docker import APIClient

from benchmarks.whole import ME, Whole, percentile, sailing
from control_plane.containers.launches import container_name
from control_plane.core.ids import DeploymentId
from control_plane.deployments import service as deployments
from strategy_runtime.wire import messages, names

TARGETS = {"killed → running": 3.0, "hung → first word of the next launch": 30.0}
AT_ONCE = 5
MINUTE = 60_000
INSTRUMENT = "spot:B-BTC_USDT"
IDLE = (
    "from strategy_runtime import BaseStrategy\n"
    "class Idle(BaseStrategy):\n"
    f"    instrument = {INSTRUMENT!r}\n"
    "    resolution = '1m'\n"
    "    def on_candle(self, candle):\n"
    "        return None\n"
)
HANGS = IDLE.replace(
    "        return None\n",
    "        self.seen = getattr(self, 'seen', 0) + 1\n        while self.seen > 3: pass\n",
)


class Ear:
    """When each candle was published, and when each launch said its first word."""

    def __init__(self, whole: Whole) -> None:
        self.bus = whole.app.machinery.bus
        self.published: dict[int, float] = {}
        self.hello: dict[tuple[str, int], float] = {}
        self.ready = asyncio.Event()

    async def listen(self) -> None:
        async with self.bus.client.pubsub() as ear:
            await ear.psubscribe("up:*")
            await ear.subscribe(names.candles(INSTRUMENT, "1m"))
            self.ready.set()
            async for message in ear.listen():
                match message["type"]:
                    case "message":
                        candle = messages.decode_candle(message["data"])
                        self.published.setdefault(candle.open_ms, time.perf_counter())
                    case "pmessage":
                        self._heard(message["channel"].decode(), message["data"])

    def _heard(self, channel: str, frame: bytes) -> None:
        if isinstance(messages.decode_up(frame), messages.Hello):
            _, deployment, generation = channel.split(":")
            self.hello.setdefault((deployment, int(generation)), time.perf_counter())

    async def first_word(self, deployment: DeploymentId, generation: int) -> float:
        async with asyncio.timeout(120):
            while (deployment, generation) not in self.hello:
                await asyncio.sleep(0.01)
        return self.hello[deployment, generation]


async def killed(whole: Whole) -> float:
    one = await whole.deploy("idle")
    await whole.until(one, "running")
    began = time.perf_counter()
    await asyncio.to_thread(_kill, container_name(one.id, 1))
    async with asyncio.timeout(60):
        while True:
            status = await whole.status(one)
            if status.generation == 2 and status.observed == "running":
                break
            await asyncio.sleep(0.02)
    took = time.perf_counter() - began
    await whole.delete(one)
    return took


async def hung(whole: Whole, ear: Ear) -> float:
    one = await whole.deploy("hangs")
    said = await ear.first_word(one.id, 2)
    standing = (await whole.app.machinery.db.read(deployments.standings, [one.id]))[one.id]
    assert standing.last_trigger is not None
    missed = int(standing.last_trigger.partition(":")[2]) + MINUTE
    took = said - ear.published[missed]
    await whole.delete(one)
    return took


def _kill(name: str) -> None:
    client = APIClient(version="auto")
    try:
        client.kill(name)
    finally:
        client.close()


async def main(trials: int) -> None:
    found: dict[str, list[float]] = {name: [] for name in TARGETS}
    async with sailing() as whole, asyncio.TaskGroup() as group:
        for name, code in (("idle", IDLE), ("hangs", HANGS)):
            await whole.strategies.upload(ME, name, code)
        ear = Ear(whole)
        listening = group.create_task(ear.listen())
        await ear.ready.wait()
        for _ in range(trials):
            found["killed → running"].append(await killed(whole))
        at_once = asyncio.Semaphore(AT_ONCE)

        async def one() -> None:
            async with at_once:
                took = await hung(whole, ear)
                found["hung → first word of the next launch"].append(took)

        async with asyncio.TaskGroup() as trying:
            for _ in range(trials):
                trying.create_task(one())
        listening.cancel()
    print(f"{trials} trials each")
    for name, values in found.items():
        median = statistics.median(values)
        verdict = "reached" if median <= TARGETS[name] else "MISSED"
        print(
            f"  {name:<38} median {median:5.2f} s   p90 {percentile(values, 0.9):5.2f} s"
            f"   most {max(values):5.2f} s   target ≤ {TARGETS[name]:g} s: {verdict}"
        )


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 30))
