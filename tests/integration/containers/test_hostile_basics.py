"""A hostile strategy in a real container, through the real entry point: what it gets."""

import json
from typing import Any

import pytest

from strategy_runtime import wire
from tests.integration.containers.conftest import Dock, hostile

pytestmark = [pytest.mark.docker, pytest.mark.redis, pytest.mark.timeout(300)]

MAY = {"own_boot", "own_history", "say", "hear_candles", "hear_down"}


@pytest.fixture
async def found(dock: Dock) -> dict[str, Any]:
    """What every probe of the hostile strategy got."""
    client = dock.access.bus.client
    await client.set("secret", "gold")
    await client.set("boot:other:1", "theirs")
    for stream in ("spot:B-BTC_USDT:1m", "spot:B-BTC_USDT:5m", "spot:B-ETH_USDT:1m"):
        await client.xadd(f"md:history:{stream}", {"c": "x"})
    handle = await dock.launch(hostile("basics"))
    log = await dock.printed(handle, "PROBES ")
    line = next(line for line in log.splitlines() if line.startswith("PROBES "))
    probes: dict[str, Any] = json.loads(line.removeprefix("PROBES "))
    assert await client.get("secret") == b"gold"
    return probes


async def test_a_hostile_strategy_gets_nothing_but_its_own(found: dict[str, Any]) -> None:
    """One launch, every probe: each of them is a statement about the same container."""
    ours = {
        wire.ENV_BUS_URL, wire.ENV_DEPLOYMENT, wire.ENV_GENERATION, wire.ENV_BOOT_SHA256,
        wire.ENV_TIME_SCALE,
    }  # fmt: skip
    assert set(found["raw_environment"]) - ours <= {
        "PATH", "HOME", "HOSTNAME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE",
        "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS",
    }  # fmt: skip
    assert wire.ENV_BUS_URL not in found["environment"]

    identity = found["identity"]
    assert identity["Uid"].split() == ["10001"] * 4
    assert int(identity["CapEff"], 16) == int(identity["CapBnd"], 16) == 0
    assert (identity["NoNewPrivs"], identity["Seccomp"]) == ("1", "2")

    network = found["network"]
    assert network.pop("interfaces") == ["lo"]
    assert network.pop("lookup") != "done"
    assert set(network.values()) == {"EPERM"}, network

    assert set(found["writes"].values()) <= {"EROFS", "EACCES", "EPERM", "ENOENT"}, found["writes"]
    assert found["docker_socket"] == []
    assert found["tmp_runs_nothing"] == "EACCES"

    assert set(found["syscalls"].values()) == {"EPERM"}, found["syscalls"]

    written, outcome = found["disk"]
    assert (written <= 8 * 1024 * 1024, outcome) == (True, "ENOSPC")
    written, outcome = found["shared_memory"]
    assert (written <= 1024 * 1024, outcome) == (True, "ENOSPC")
    made, outcome = found["inodes"]
    assert (made < 1024, outcome) == (True, "ENOSPC")
    held, outcome = found["descriptors"]
    assert (held < 128, outcome) == (True, "EMFILE")
    children, outcome = found["processes"]
    assert (children < 64, outcome) == (True, "EAGAIN")

    bus = found["bus"]
    assert bus.pop("without_a_user") == "-NOAUTH"
    # A server refuses DEBUG to everybody, before it asks who it is.
    assert bus.pop("debug").startswith(("-NOPERM", "-ERR DEBUG"))
    assert {name for name, said in bus.items() if not said.startswith("-NOPERM")} == MAY, bus


async def test_memory_beyond_the_limit_is_the_end_of_it(dock: Dock) -> None:
    bomb = "held = []\nwhile True:\n    held.append(bytearray(b'x' * 4_000_000))\n"

    facts = await dock.ended(await dock.launch(bomb, memory_mb=64))

    assert (facts.exit_code, facts.out_of_memory) == (137, True)


async def test_files_in_memory_count_to_the_limit_too(dock: Dock) -> None:
    bomb = (
        "import os\nheld = [open('/tmp/a', 'wb', buffering=0)]\n"
        "try:\n    while True: held[0].write(b'x' * 100_000)\nexcept OSError: pass\n"
        "while True: held.append(bytearray(b'x' * 1_000_000))\n"
    )

    assert (await dock.ended(await dock.launch(bomb, memory_mb=64))).out_of_memory


async def test_output_without_end_is_kept_short(dock: Dock) -> None:
    flood = (
        "import sys\nprint('\\x1b[31mred')\n"
        "for _ in range(200): sys.stdout.write('x' * 100_000)\n"
        "print('\\nEND', flush=True)\n"
    )
    handle = await dock.launch(flood)

    log = await dock.printed(handle, "END")

    assert len(log) <= 4 * 8_000
    assert "\x1b" not in log
