"""A strategy's process: `python -I -m strategy_runtime.main`. It knows a URL and a name; everything
else is in the launch payload.
"""

import asyncio
import signal
import sys
from collections.abc import MutableMapping

import msgspec
from msgspec import Struct

from strategy_runtime import wire
from strategy_runtime.engine.engine import Engine, Setting
from strategy_runtime.feeds.live import Live
from strategy_runtime.feeds.pilot import Build
from strategy_runtime.feeds.resp import Address, BusLost, connected
from strategy_runtime.feeds.timing import timing
from strategy_runtime.launch import (
    Refused,
    Said,
    begin,
    check_code,
    check_payload,
    new_run,
    of_this_machine,
    read_payload,
)
from strategy_runtime.loader import LoadError, load
from strategy_runtime.sdk.strategy import BaseStrategy
from strategy_runtime.wire import names
from strategy_runtime.wire.messages import BadFrame, Boot, Bye, Position, decode_boot, encode
from strategy_runtime.wire.resolutions import RESOLUTIONS

PAYLOAD = "the launch payload"


class Launch(Struct, frozen=True):
    """What the launcher said in the environment."""

    address: Address
    deployment: str
    generation: int
    boot_sha256: str
    time_scale: float


def read_launch(environment: MutableMapping[str, str]) -> Launch:
    said = Said(environment)
    return Launch(
        address=said.address(),
        deployment=said.text(wire.ENV_DEPLOYMENT),
        generation=int(said.number(wire.ENV_GENERATION)),
        boot_sha256=said.text(wire.ENV_BOOT_SHA256).lower(),
        time_scale=said.time_scale(),
    )


def check_boot(payload: bytes, launch: Launch) -> Boot:
    check_payload(payload, launch.boot_sha256, PAYLOAD)
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
    check_code(boot.code, boot.code_sha256)
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


async def run(environment: MutableMapping[str, str]) -> int:
    launch = read_launch(environment)
    machine, times, run_id = of_this_machine(), timing(launch.time_scale), new_run()
    key = names.boot(launch.deployment, launch.generation)
    payload = await read_payload(launch.address, key, PAYLOAD, times, machine)
    boot = check_boot(payload, launch)
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


if __name__ == "__main__":
    sys.exit(begin(run))
