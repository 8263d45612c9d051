"""Strategies in containers of a Docker engine."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from math import ceil
from pathlib import Path
from typing import Any

from loguru import logger

from control_plane.containers import gates
from control_plane.containers.docker import parse
from control_plane.containers.docker.engine import Engine, Gone
from control_plane.containers.docker.template import (
    Image,
    Template,
    container,
    differences,
)
from control_plane.containers.environment import BusAddress
from control_plane.containers.errors import EngineUnreachable, LaunchFailed, LaunchRefused
from control_plane.containers.labels import LABEL_INSTALLATION
from control_plane.containers.models import (
    Facts,
    Handle,
    Node,
    Printed,
    Running,
    RunningJob,
    Spec,
)
from control_plane.containers.output import LOG_TAIL_LINES, OUTPUT_LINES, printable
from control_plane.core.ids import DeploymentId
from control_plane.infra.failpoints import Failpoints

MAKE_SECONDS = 30.0  # creating and starting stand in a long line when many start at once
PULL_SECONDS = 60.0
KILLED = 137
REASON_SECONDS = 1.0  # after a kill: by then its reason is known
SECCOMP = Path(__file__).parents[3] / "images" / "base_strategy" / "seccomp.json"


@dataclass(frozen=True)
class DockerLauncher:
    installation: str
    image: str
    bus: BusAddress
    engine: Engine
    failpoints: Failpoints
    runtime: str | None = None
    seccomp: Path = SECCOMP
    candles_volume: str | None = None

    @property
    def name(self) -> str:
        return "docker"

    @property
    def shows_files(self) -> bool:
        return True

    async def available(self) -> str | None:
        try:
            await self._template()
        except (EngineUnreachable, LaunchFailed, LaunchRefused) as error:
            return str(error)
        return None

    async def cautions(self) -> list[str]:
        """What of the engine is known to be weak; nothing if it does not answer."""
        try:
            runtime = self.runtime or (await self.engine.call("info"))["DefaultRuntime"]
            said = await self.engine.call("version")
        except (EngineUnreachable, LaunchFailed):
            return []
        found = None if "runsc" in runtime else gates.of_runc(gates.runc_version(said))
        return [] if found is None else [found]

    async def launch(self, spec: Spec) -> Handle:
        template = await self._template()
        asked = container(template, spec)
        try:
            made = await self.engine.call(
                "create_container_from_config", asked, spec.name, within=MAKE_SECONDS
            )
        except Gone as error:
            raise LaunchFailed(f"The image {self.image!r} is gone.") from error
        handle = Handle(str(made["Id"]))
        await self.failpoints.hit(spec.after_create)

        try:
            found = await self.engine.call("inspect_container", handle)
            wrong = differences(asked, found, template.image)
            if not wrong:
                await self.engine.call("start", handle, within=MAKE_SECONDS)
        except Gone as error:
            raise LaunchFailed("It was removed before it was started.") from error
        if wrong:
            await self.remove(handle)
            raise LaunchRefused(
                f"The engine made a container otherwise than asked: {'; '.join(wrong[:3])}.",
                remedy="Look at the engine's own defaults (daemon.json).",
            )
        return handle

    async def list_ours(self) -> list[Running]:
        return [found for item in await self._listed() if (found := parse.running(item))]

    async def list_jobs(self) -> list[RunningJob]:
        return [found for item in await self._listed() if (found := parse.running_job(item))]

    async def nodes(self) -> list[Node]:
        return [parse.node(await self.engine.call("info"))]

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        grace = ceil(grace_seconds)  # the engine counts whole seconds
        with suppress(Gone):
            found = await self.engine.call("inspect_container", handle)
            if found["State"]["Paused"]:  # a paused process cannot hear a signal
                await self.engine.call("unpause", handle)
            await self.engine.call("stop", handle, timeout=grace, within=MAKE_SECONDS + grace)

    async def remove(self, handle: Handle) -> None:
        with suppress(Gone):
            await self.engine.call("remove_container", handle, v=True, force=True)

    async def logs(self, handle: Handle) -> str:
        with suppress(Gone):
            lines = await self.engine.call("logs", handle, tail=LOG_TAIL_LINES)
            return printable(lines.decode("utf-8", "replace"))
        return ""

    async def output(self, handle: Handle, after_ns: int) -> list[Printed]:
        with suppress(Gone):
            since = after_ns / 1e9 if after_ns else None
            lines = await self.engine.call(
                "logs", handle, timestamps=True, since=since, tail=OUTPUT_LINES
            )
            return parse.printed(lines.decode("utf-8", "replace"), after_ns)
        return []

    async def facts(self, handle: Handle) -> Facts | None:
        with suppress(Gone):
            found = await self.engine.call("inspect_container", handle)
            stats = None
            if found["State"]["Running"]:
                stats = await self.engine.call("stats", handle, stream=False, one_shot=True)
            facts = parse.facts(found, stats)
            if facts.exit_code == KILLED and not facts.out_of_memory:
                return replace(facts, out_of_memory=await self._ran_out_of_memory(handle, found))
            return facts
        return None

    async def events(self) -> AsyncGenerator[DeploymentId, None]:
        async with aclosing(self.engine.events(filters={"type": "container"})) as stream:
            async for event in stream:
                deployment = parse.changed(event, self.installation)
                if deployment is not None:
                    yield deployment

    async def close(self) -> None:
        await self.engine.close()

    async def _listed(self) -> list[dict[str, Any]]:
        ours = {"label": f"{LABEL_INSTALLATION}={self.installation}"}
        items: list[dict[str, Any]] = await self.engine.call("containers", all=True, filters=ours)
        return items

    async def _ran_out_of_memory(self, handle: Handle, found: Mapping[str, Any]) -> bool:
        """An engine hears of a kill and of the reason for it on two ways: where the kill came
        first, the container does not show the reason, and only the engine's events do.
        """
        lived = parse.lived(found)
        if lived is None:
            return False
        since, until = lived
        happened = await self.engine.happened(
            since, until + REASON_SECONDS, container=handle, event="oom"
        )
        return bool(happened)

    async def _template(self) -> Template:
        """Asked for at each launch: an image and an engine's runtime can change under us."""
        if self.bus.socket is None:
            raise LaunchRefused(
                "Strategy containers have no network, but Redis is reached over TCP.",
                remedy="Set SLIPWAY_FLEET__BUS_URL to its Unix socket.",
            )
        for volume, setting in (
            (self.bus.volume, "SLIPWAY_FLEET__BUS_VOLUME"),
            (self.candles_volume, "SLIPWAY_FLEET__CANDLES_VOLUME"),
        ):
            if volume is not None:
                await self._look_for_volume(volume, setting)
        image = await self._image()
        runtime = self.runtime or (await self.engine.call("info"))["DefaultRuntime"]
        return Template(image, runtime, await self._profile(), self.bus, self.candles_volume)

    async def _profile(self) -> str:
        try:
            return await asyncio.to_thread(self.seccomp.read_text)
        except OSError as error:
            raise LaunchFailed(f"The seccomp profile cannot be read: {error}.") from error

    async def _look_for_volume(self, volume: str, setting: str) -> None:
        try:
            await self.engine.call("inspect_volume", volume)
        except Gone as error:
            raise LaunchFailed(
                f"The Docker engine has no volume {volume!r}.",
                remedy=f"See {setting}.",
            ) from error

    async def _image(self) -> Image:
        try:
            found = await self.engine.call("inspect_image", self.image)
        except Gone:
            found = await self._pulled()
        config = found.get("Config") or {}
        labels = tuple(sorted((config.get("Labels") or {}).items()))
        return Image(str(found["Id"]), tuple(config.get("Env") or ()), labels)

    async def _pulled(self) -> dict[str, Any]:
        """Only what a digest pins: a mere name could be anybody's."""
        if "@sha256:" not in self.image:
            raise LaunchFailed(
                f"The Docker engine has no image {self.image!r}.",
                remedy="Run `slipway images build`.",
            )
        logger.info("image_pull", image=self.image)
        try:
            await self.engine.call("pull", self.image, within=PULL_SECONDS)
            found: dict[str, Any] = await self.engine.call("inspect_image", self.image)
        except (Gone, EngineUnreachable) as error:
            raise LaunchFailed(
                f"The image {self.image!r} was not to be had within {PULL_SECONDS:g} s."
            ) from error
        return found
