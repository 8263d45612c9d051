"""A channel's reader on a real server: floods, neighbours, lost connections."""

import asyncio
import multiprocessing
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from redis import Redis

from control_plane.infra.bus import Bus
from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.flood import FloodGauge
from control_plane.infra.pulse import Pulse
from control_plane.infra.rng import SeededRng
from control_plane.infra.subscriber import Subscriber
from strategy_runtime import wire
from tests.conftest import wait_until

pytestmark = pytest.mark.redis


@dataclass
class Heard:
    """What a channel said, and when it was heard."""

    frames: list[bytes] = field(default_factory=list)
    at: list[float] = field(default_factory=list)
    patience: int = 10**9

    def __call__(self, frame: bytes) -> bool:
        self.frames.append(frame)
        self.at.append(time.time())
        return len(self.frames) < self.patience


@asynccontextmanager
async def _listening(
    bus: Bus, channel: str, heard: Callable[[bytes], bool], *, gauge: FloodGauge | None = None
) -> AsyncIterator[tuple[Subscriber, "asyncio.Task[None]"]]:
    clock = RealClock()
    pulse = Pulse(clock, bus.ping)
    is_there = asyncio.Event()
    subscriber = Subscriber(
        bus.url, channel, heard, clock, SeededRng(1), pulse, gauge, is_there.set
    )
    async with asyncio.TaskGroup() as group:
        beating = group.create_task(pulse.run())
        task = group.create_task(subscriber.run())
        async with asyncio.timeout(5):
            await is_there.wait()
        yield subscriber, task
        beating.cancel()
        task.cancel()


def _flood(url: str, channel: str, size: int, began: Any) -> None:
    client = Redis.from_url(url)
    client.ping()
    frame = b"x" * size
    began.value = time.time()
    with client.pipeline(transaction=False) as pipe:
        while time.time() < began.value + 3:
            for _ in range(50):
                pipe.publish(channel, frame)
            pipe.execute()


def _pace(url: str, channel: str, count: int) -> None:
    client = Redis.from_url(url)
    for _ in range(count):
        client.publish(channel, repr(time.time()).encode())
        time.sleep(1 / wire.PACE_FRAMES_PER_SECOND)


async def test_frames_arrive_in_order(bus: Bus) -> None:
    heard = Heard()
    async with _listening(bus, "up:a:1", heard):
        for k in range(100):
            await bus.client.publish("up:a:1", b"%d" % k)
        await wait_until(lambda: len(heard.frames) == 100)

    assert heard.frames == [b"%d" % k for k in range(100)]


@pytest.mark.parametrize("size", [20, 60_000])
async def test_a_flood_is_cut_and_its_neighbour_loses_nothing(bus: Bus, size: int) -> None:
    flooding, neighbour = Heard(), Heard()
    fork = multiprocessing.get_context("spawn")
    count = 100
    async with (
        _listening(bus, "up:bad:1", flooding, gauge=FloodGauge()) as (_, cut),
        _listening(bus, "up:good:1", neighbour, gauge=FloodGauge()) as (_, honest),
    ):
        paced = fork.Process(target=_pace, args=(bus.url, "up:good:1", count))
        paced.start()
        await wait_until(lambda: len(neighbour.frames) > 5, seconds=30)
        began = fork.Value("d", 0.0)
        flood = fork.Process(target=_flood, args=(bus.url, "up:bad:1", size, began))
        flood.start()
        await wait_until(cut.done, seconds=30, what="the cut")
        seconds = time.time() - began.value
        await wait_until(
            lambda: len(neighbour.frames) == count, seconds=30, what="the neighbour's frames"
        )
        assert not honest.done()
        flood.kill()
        await asyncio.to_thread(flood.join)
        await asyncio.to_thread(paced.join)

    late = sorted(at - float(f) for at, f in zip(neighbour.at, neighbour.frames, strict=True))
    print(f"cut {seconds:.3f} s after the flood began")
    print(f"neighbour p50 {late[len(late) // 2] * 1e3:.2f} ms, worst {late[-1] * 1e3:.2f} ms")
    assert seconds < 1.0
    assert len(flooding.frames) <= wire.FLOOD_FRAMES_PER_SECOND
    assert late[-1] < 1.0


async def test_a_pause_of_ours_cuts_nobody(bus: Bus) -> None:
    heard = Heard()
    fork = multiprocessing.get_context("spawn")
    async with _listening(bus, "up:a:1", heard, gauge=FloodGauge()) as (_, task):
        paced = fork.Process(target=_pace, args=(bus.url, "up:a:1", 60))
        paced.start()
        await wait_until(lambda: len(heard.frames) > 5)
        time.sleep(1.5)  # the whole loop stands still
        await wait_until(lambda: len(heard.frames) == 60)
        assert not task.done()
        await asyncio.to_thread(paced.join)


async def test_a_pause_of_the_server_cuts_nobody(bus: Bus, redis_server: EmbeddedServer) -> None:
    heard = Heard()
    fork = multiprocessing.get_context("spawn")
    async with _listening(bus, "up:a:1", heard, gauge=FloodGauge()) as (_, task):
        paced = fork.Process(target=_pace_without_answers, args=(bus.url, "up:a:1", 60))
        paced.start()
        await wait_until(lambda: len(heard.frames) > 5)
        await asyncio.to_thread(_hold, redis_server, 1.5)
        await wait_until(lambda: len(heard.frames) == 60)
        assert not task.done()
        await asyncio.to_thread(paced.join)


async def test_a_reader_that_is_told_to_wait_waits_and_is_not_blamed(bus: Bus) -> None:
    heard = Heard(patience=3)
    async with _listening(bus, "up:a:1", heard, gauge=FloodGauge()) as (subscriber, task):
        for _ in range(40):
            await bus.client.publish("up:a:1", b"x")
            await asyncio.sleep(1 / wire.PACE_FRAMES_PER_SECOND)
        assert len(heard.frames) == 3

        heard.patience = 10**9
        subscriber.resume()
        await wait_until(lambda: len(heard.frames) == 40)
        assert not task.done()


async def test_a_lost_server_is_found_again(bus: Bus, redis_server: EmbeddedServer) -> None:
    heard = Heard()
    async with _listening(bus, "up:a:1", heard):
        await redis_server.stop()
        await redis_server.start()

        async def arrives() -> bool:
            await bus.client.publish("up:a:1", b"again")
            return bool(heard.frames)

        await wait_until(arrives, what="a frame over the new server")


def _pace_without_answers(url: str, channel: str, count: int) -> None:
    """As a container does: it does not wait for the server's answer before the next frame."""
    connection = Redis.from_url(url).connection_pool.get_connection()
    for k in range(count):
        connection.send_command("PUBLISH", channel, b"%d" % k)  # type: ignore[no-untyped-call]
        time.sleep(1 / wire.PACE_FRAMES_PER_SECOND)
    for _ in range(count):
        connection.read_response()


def _hold(server: EmbeddedServer, seconds: float) -> None:
    import os
    import signal

    pid = int((server.data_dir / "redis.pid").read_text())
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)
