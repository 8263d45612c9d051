"""Writes down what containers print, every two seconds, what they use, once a minute, and on which
machines they run.
"""

from dataclasses import dataclass, field

from loguru import logger

from control_plane.containers.errors import EngineUnreachable, LaunchFailed
from control_plane.containers.models import Launcher
from control_plane.containers.output import OUTPUT_LINES
from control_plane.core.clock import Clock, ms
from control_plane.deployments.models.health import Noise
from control_plane.deployments.service import counting, watching
from control_plane.infra.db import Database
from control_plane.infra.leases import Leases

OUTPUT_SECONDS = 2.0
CENSUS_SECONDS = 10.0
VITALS_SECONDS = 20.0  # three looks a minute: the first one of a minute counts


@dataclass
class Scribe:
    db: Database
    clock: Clock
    leases: Leases
    launcher: Launcher
    time_scale: float = 1.0
    noise: Noise = field(default_factory=Noise)

    async def keep_output(self) -> None:
        while True:
            try:
                await self.write_output()
            except (EngineUnreachable, LaunchFailed) as error:
                logger.debug("output_waits", reason=str(error))
            await self.clock.sleep(OUTPUT_SECONDS * self.time_scale)

    async def keep_vitals(self) -> None:
        while True:
            await self.db.write(watching.measure, self.leases.owned())
            await self.clock.sleep(VITALS_SECONDS)

    async def keep_census(self) -> None:
        while True:
            try:
                found = await self.launcher.nodes()
                await self.db.write(counting.count, self.launcher.name, found)
            except (EngineUnreachable, LaunchFailed) as error:
                logger.debug("census_waits", reason=str(error))
            await self.clock.sleep(CENSUS_SECONDS)

    async def write_output(self) -> None:
        for one in await self.db.read(watching.living, self.leases.owned()):
            lines = await self.launcher.output(one.handle, one.printed_ns)
            place, is_cut = (one.deployment, one.generation), len(lines) >= OUTPUT_LINES
            self.noise.hear(place, ms(self.clock.now()), is_cut=is_cut)
            if lines:
                await self.db.write(watching.record_output, one.deployment, one.generation, lines)
