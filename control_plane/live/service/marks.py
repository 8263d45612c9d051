"""How far the lines and the vitals of deployments are: one look for all who follow any of them."""

from collections import Counter
from dataclasses import dataclass, field

from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId
from control_plane.infra.db import Database
from control_plane.live.service.bell import Bell
from control_plane.signals.service import watching
from control_plane.signals.service.watching import Mark

LOOK_SECONDS = 0.5
NOTHING = Mark()


@dataclass(eq=False)
class Marks:
    db: Database
    clock: Clock
    _followed: Counter[DeploymentId] = field(default_factory=Counter)
    _marks: dict[DeploymentId, Mark] = field(default_factory=dict)
    _moved: Bell = field(default_factory=Bell)
    _wanted: Bell = field(default_factory=Bell)

    async def run(self) -> None:
        """Look while anybody follows anything, until cancelled."""
        while True:
            while not self._followed:
                await self._wanted.wait()
            await self.once()
            await self.clock.sleep(LOOK_SECONDS)

    async def once(self) -> None:
        found = await self.db.read(watching.marks, frozenset(self._followed))
        if found != self._marks:
            self._marks = found
            self._moved.ring()

    def follow(self, deployment: DeploymentId) -> None:
        self._followed[deployment] += 1
        self._wanted.ring()

    def leave(self, deployment: DeploymentId) -> None:
        self._followed[deployment] -= 1
        self._followed += Counter()  # without those that nobody follows

    async def past(self, deployment: DeploymentId, mark: Mark) -> Mark:
        """Wait until it is no longer where it was."""
        while self._marks.get(deployment, NOTHING) == mark:
            await self._moved.wait()
        return self._marks.get(deployment, NOTHING)
