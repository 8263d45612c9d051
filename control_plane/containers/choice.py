"""Which launcher this installation uses, said in a sentence."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Literal

from loguru import logger
from redis.exceptions import RedisError

from control_plane.containers import gates
from control_plane.containers.docker.adapter import DockerLauncher
from control_plane.containers.models import Launcher
from control_plane.infra.bus import Bus

PATIENCE_SECONDS = 60.0


async def choose(
    wanted: Literal["auto", "docker", "swarm", "process"], launchers: Mapping[str, Launcher]
) -> Launcher:
    """`auto` takes Docker if it can be had within a minute. What was asked for by name and is not
    there is waited for by the reconciler, which says why.
    """
    if wanted != "auto":
        return launchers[wanted]

    reason = await _reason(launchers["docker"])
    if reason is None:
        logger.info("launcher_chosen", launcher="docker", note="each strategy in its own container")
        return launchers["docker"]
    logger.warning(
        "launcher_chosen",
        launcher="process",
        reason=reason,
        note="strategies run as plain processes, which is no sandbox: your own code only",
    )
    return launchers["process"]


async def caution(launcher: Launcher, bus: Bus) -> None:
    """Say once, at each start, what is known to be weak."""
    cautions = await launcher.cautions() if isinstance(launcher, DockerLauncher) else []
    with suppress(RedisError, OSError):
        found = gates.of_redis(await bus.client.info("server"))
        cautions += [] if found is None else [found]
    for what in cautions:
        logger.warning("weak_component", what=what)


async def _reason(launcher: Launcher) -> str | None:
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            return await launcher.available()
    except TimeoutError:
        return f"Docker was not ready within {PATIENCE_SECONDS:g} s."
