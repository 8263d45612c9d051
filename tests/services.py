"""What tests need running, and what becomes of them where it does not run.

On a newcomer's machine such tests are left out and the summary says so. With `SLIPWAY_CI=1` a
missing service is an error: nothing skips silently there.
"""

import asyncio
import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from control_plane.containers.docker.engine import Engine
from control_plane.containers.errors import EngineUnreachable, LaunchFailed
from control_plane.infra import embedded
from tests.fakes import swarm

DATABASE_URL = "SLIPWAY_TEST_DATABASE_URL"
REDIS_URL = "SLIPWAY_TEST_REDIS_URL"
LONG = "SLIPWAY_TEST_LONG"
CI = "SLIPWAY_CI"
RUNSC_HOST = "SLIPWAY_TEST_RUNSC_HOST"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
NOT_RUN = pytest.StashKey[Counter[str]]()


def engine_answers() -> bool:
    return asyncio.run(_ping(Engine(os.environ.get("DOCKER_HOST"))))


async def _ping(engine: Engine) -> bool:
    try:
        return bool(await engine.call("ping"))
    except (EngineUnreachable, LaunchFailed):
        return False
    finally:
        await engine.close()


def runsc_is_there() -> bool:
    """Among the runtimes of the engine that its tests use."""
    return asyncio.run(_has_runsc(Engine(os.environ.get(RUNSC_HOST))))


async def _has_runsc(engine: Engine) -> bool:
    try:
        return "runsc" in (await engine.call("info"))["Runtimes"]
    except (EngineUnreachable, LaunchFailed):
        return False
    finally:
        await engine.close()


def postgres_answers() -> bool:
    url = os.environ.get(DATABASE_URL)
    if not url:
        return False

    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT 1"))
            return True
    except SQLAlchemyError:
        return False
    finally:
        engine.dispose()


def redis_is_there() -> bool:
    try:
        asyncio.run(embedded.find_binary())
    except embedded.NoServer:
        return False

    return True


def redis_answers() -> bool:
    url = os.environ.get(REDIS_URL)
    if not url:
        return False

    client = Redis.from_url(url, socket_connect_timeout=3)
    try:
        return bool(client.ping())
    except (RedisError, OSError):
        return False
    finally:
        client.close()


def browser_is_there() -> bool:
    return any(map(shutil.which, BROWSERS))


def wishes_for_long_ones() -> bool:
    return "1" in (os.environ.get(LONG), os.environ.get(CI))


def environment_is_made() -> bool:
    return (Path(__file__).parents[1] / ".venv" / "installed" / "test.txt").exists()


def compose_command() -> list[str] | None:
    """Whichever this machine has; the plugin first."""
    plugin = ["docker", "compose"]
    if shutil.which("docker"):
        asked = subprocess.run([*plugin, "version"], capture_output=True, check=False)
        if asked.returncode == 0:
            return plugin

    alone = shutil.which("docker-compose")
    return [alone] if alone else None


@dataclass(frozen=True)
class Service:
    name: str
    is_there: Callable[[], bool]
    is_extra: bool = False  # tested where it is, and said where it is not


SERVICES = {
    "docker": Service("Docker engine", cache(engine_answers)),
    "compose": Service("docker-compose", cache(lambda: compose_command() is not None)),
    "postgres": Service(f"PostgreSQL at {DATABASE_URL}", cache(postgres_answers)),
    "redis_url": Service(f"Redis at {REDIS_URL}", cache(redis_answers)),
    "redis": Service("Redis-protocol server", cache(redis_is_there)),
    "swarm": Service("way to start engines", cache(swarm.is_possible)),
    "browser": Service("Chromium", cache(browser_is_there)),
    "long": Service(f"wish for long ones, {LONG}=1", wishes_for_long_ones),
    "runsc": Service("runtime runsc of the engine's", cache(runsc_is_there), is_extra=True),
    "made": Service("environment of make's", cache(environment_is_made)),
}


def pytest_configure(config: pytest.Config) -> None:
    config.stash[NOT_RUN] = Counter()
    if os.environ.get(CI) == "1" and not is_worker(config):
        needed = (service for service in SERVICES.values() if not service.is_extra)
        missing = [service.name for service in needed if not service.is_there()]
        if missing:
            raise pytest.UsageError(f"SLIPWAY_CI=1 skips nothing, but: no {', no '.join(missing)}")

    for variable, marker in ((DATABASE_URL, "postgres"), (REDIS_URL, "redis_url")):
        if os.environ.get(variable) and not SERVICES[marker].is_there():
            raise pytest.UsageError(f"nothing answers at {variable}")


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = {item: service for item in items if (service := lacking(item)) is not None}
    if left_out:
        config.stash[NOT_RUN].update(left_out.values())
        config.hook.pytest_deselected(items=list(left_out))
        items[:] = [item for item in items if item not in left_out]


def lacking(item: pytest.Item) -> str | None:
    for marker, service in SERVICES.items():
        if item.get_closest_marker(marker) and not service.is_there():
            return service.name

    return None


def pytest_sessionfinish(session: pytest.Session) -> None:
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        left_out = session.config.stash[NOT_RUN]
        output["not_run"] = dict(left_out)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    # Every worker collects, and leaves out, the same tests.
    config: pytest.Config = node.config
    config.stash[NOT_RUN] = Counter(getattr(node, "workeroutput", {}).get("not_run", {}))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    for name, count in sorted(config.stash[NOT_RUN].items()):
        terminalreporter.write_line(f"not run: no {name} ({count} tests)", yellow=True)


def is_worker(config: pytest.Config) -> bool:
    return hasattr(config, "workerinput")
