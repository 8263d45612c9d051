"""What people ask about jobs."""

from dataclasses import dataclass

from control_plane.core.ids import Tenant
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database
from control_plane.infra.paging import Asked, Found
from control_plane.jobs.models.job import Job
from control_plane.jobs.service import queueing


@dataclass(frozen=True)
class Jobs:
    db: Database
    bus: Bus

    async def list(self, tenant: Tenant, asked: Asked) -> Found:
        return await self.db.read(queueing.listed, tenant, asked)

    async def get(self, tenant: Tenant, job: str) -> Job:
        return await self.db.read(queueing.find, job, tenant)

    async def cancel(self, tenant: Tenant, job: str) -> Job:
        return await self.db.write(queueing.cancel, self.bus, tenant, job)
