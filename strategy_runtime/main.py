"""A strategy's process: `python -I -m strategy_runtime.main`. It knows a URL and a name.

Everything else is in the launch payload, whose sha256 the launcher put into the environment. What
cannot be run is refused with one sentence and an exit code that names the kind.
"""

import asyncio
import hashlib
import os
import signal
import sys
import time
from base64 import b32encode
from collections.abc import MutableMapping

import msgspec
from msgspec import Struct

from strategy_runtime import wire
from strategy_runtime.engine.engine import Engine, Setting
from strategy_runtime.feeds.live import Live
from strategy_runtime.feeds.pilot import Build
from strategy_runtime.feeds.resp import Address, BusLost, connected, parse_address
from strategy_runtime.feeds.timing import Machine, Timing, backoff, timing
from strategy_runtime.loader import LoadError, load
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import BadFrame, Boot, Bye, Position, decode_boot, encode
from strategy_runtime.wire.resolutions import RESOLUTIONS


class Refused(Exception):
    """This process cannot do what it was launched for."""

    def __init__(self, code: int, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


class Launch(Struct, frozen=True):
    """What the launcher said in the environment."""

    address: Address
    deployment: str
    generation: int
    boot_sha256: str
    time_scale: float


def read_launch(environment: MutableMapping[str, str]) -> Launch:
    """The launch, taken out of the environment: the author's code need not find a password."""

    def taken(name: str) -> str:
        value = environment.pop(name, "")
        if not value:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is missing from the environment")
        return value

    def number(name: str, text: str) -> float:
        try:
            value = float(text)
        except ValueError as error:
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is {text!r}, no number") from error
        if not 0 < value < float("inf"):
            raise Refused(wire.EXIT_ENVIRONMENT, f"{name} is {text!r}; it must be above zero")
        return value

    url = taken(wire.ENV_BUS_URL)
    try:
        address = parse_address(url, environment.pop(wire.ENV_BUS_CA, ""))
    except ValueError as error:
        raise Refused(wire.EXIT_ENVIRONMENT, f"{wire.ENV_BUS_URL}: {error}") from error
    return Launch(
        address=address,
        deployment=taken(wire.ENV_DEPLOYMENT),
        generation=int(number(wire.ENV_GENERATION, taken(wire.ENV_GENERATION))),
        boot_sha256=taken(wire.ENV_BOOT_SHA256).lower(),
        time_scale=number(wire.ENV_TIME_SCALE, environment.pop(wire.ENV_TIME_SCALE, "1")),
    )


async def read_boot(launch: Launch, times: Timing, machine: Machine) -> Boot:
    """The launch payload, once the bus has it and if it is the one that was launched."""
    key = names.boot(launch.deployment, launch.generation)
    why = "it is not there"
    try:
        async with asyncio.timeout(times.boot):
            for attempt in range(1_000_000):
                try:
                    async with connected(launch.address) as bus:
                        payload = await bus.call("GET", key)
                    if payload is not None:
                        return check_boot(payload, launch)
                except BusLost as error:
                    why = str(error)
                first, most = times.reconnect_first, times.reconnect_most
                await machine.sleep(backoff(first, most, attempt, machine.chance()))
    except TimeoutError:
        pass
    raise Refused(wire.EXIT_BOOT, f"the launch payload {key} cannot be read: {why}")


def check_boot(payload: bytes, launch: Launch) -> Boot:
    found = hashlib.sha256(payload).hexdigest()
    if found != launch.boot_sha256:
        raise Refused(
            wire.EXIT_BOOT,
            f"the launch payload has the sha256 {found}, not {launch.boot_sha256}: not run",
        )

    try:
        boot = decode_boot(payload)
    except BadFrame as error:
        raise Refused(
            wire.EXIT_BOOT, f"the launch payload cannot be understood: {error}"
        ) from error

    named = (boot.deployment, boot.generation) == (launch.deployment, launch.generation)
    if not named or boot.v != wire.VERSION or boot.resolution not in RESOLUTIONS:
        raise Refused(
            wire.EXIT_BOOT,
            f"the launch payload is for {boot.deployment}:{boot.generation} "
            f"at {boot.resolution!r}, version {boot.v}: not run",
        )
    if hashlib.sha256(boot.code.encode()).hexdigest() != boot.code_sha256:
        raise Refused(wire.EXIT_BOOT, "the code is not the one that its sha256 names: not run")
    return boot


def setting_of(boot: Boot) -> Setting:
    return Setting(
        instrument=boot.instrument,
        resolution=boot.resolution,
        parameters={name: msgspec.json.decode(raw) for name, raw in boot.parameters.items()},
        manifest={name: msgspec.json.decode(raw) for name, raw in boot.manifest.items()},
        window=boot.lookback,
        resolutions=boot.resolutions,
    )


async def run(launch: Launch) -> int:
    machine = Machine(_now_ms, _now_us, _chance, asyncio.sleep)
    times = timing(launch.time_scale)
    run_id = b32encode(os.urandom(16)).decode().lower().rstrip("=")
    boot = await read_boot(launch, times, machine)
    try:
        kind = load(boot.code)
    except LoadError as error:
        await _say_why(launch, run_id, f"the strategy does not load: {error}")
        raise Refused(wire.EXIT_STRATEGY, f"the strategy does not load: {error}") from error

    live = Live(
        boot,
        launch.address,
        _builder(kind, setting_of(boot)),
        run=run_id,
        timing=times,
        machine=machine,
        say=say,
    )
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, live.end, f"got {number.name}")

    failure = await live.run()
    if failure is not None:
        raise Refused(wire.EXIT_STRATEGY, f"the strategy does not start: {failure}")
    return 0


def main() -> int:
    # A container's log is a pipe: without this an author's print is seen a page later.
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        return asyncio.run(run(read_launch(os.environ)))
    except Refused as refusal:
        # People are shown the last line: the sentence, below the author's own lines.
        sentence, *lines = str(refusal).splitlines()
        sys.stderr.write("\n".join((*lines, sentence)) + "\n")
        return refusal.code


def say(event: str, **fields: object) -> None:
    """A line of ours between the author's own."""
    told = "".join(f" {name}={value!s}" for name, value in fields.items())
    sys.stderr.write(f"slipway {event}{told}\n")


def _builder(kind: type[BaseStrategy], setting: Setting) -> Build:
    def build(state: bytes, position: Position) -> Engine:
        return Engine(kind, setting, state=state, position=position)

    return build


async def _say_why(launch: Launch, run_id: str, reason: str) -> None:
    """Code that does not load never says hello, but trading should know why."""
    try:
        async with connected(launch.address) as bus:
            frame = encode(Bye(run_id, reason))
            await bus.call("PUBLISH", names.up(launch.deployment, launch.generation), frame)
    except BusLost as lost:
        say("bus_lost", why=lost)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _now_us() -> int:
    return time.perf_counter_ns() // 1_000


def _chance() -> float:
    return int.from_bytes(os.urandom(4), "big") / 2**32


if __name__ == "__main__":
    sys.exit(main())
