"""Carries out one step of a job: calls the engine and the bus, and records before and after each
call.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256

from loguru import logger

from control_plane.containers.access import Access, JobRights
from control_plane.containers.candles import lay_out
from control_plane.containers.errors import EngineUnreachable, LaunchFailed, LaunchRefused
from control_plane.containers.jobs import JobSpec
from control_plane.containers.models import Facts, Handle, Launcher
from control_plane.core.clock import Clock
from control_plane.core.ids import JobId, Rng, Tenant
from control_plane.deployments.models.endings import ending
from control_plane.infra.bus import Bus
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints
from control_plane.jobs.errors import BadJob
from control_plane.jobs.models.job import Fault
from control_plane.jobs.models.steps import (
    Adopt,
    Again,
    Bury,
    Clear,
    Discard,
    Lose,
    Overdue,
    Start,
    Step,
)
from control_plane.jobs.service import closing, running
from control_plane.jobs.worker.chandler import Chandler, Supply
from strategy_runtime import wire

Trusts = Callable[[Tx, Tenant, str], bool]
"""Whether a tenant's code, by its hash, may run without a sandbox."""

SECOND_LOOK_SECONDS = 0.5
KILLED = 137


@dataclass(frozen=True)
class JobHands:
    installation: str
    db: Database
    bus: Bus
    clock: Clock
    rng: Rng
    launcher: Launcher
    access: Access
    failpoints: Failpoints
    chandler: Chandler
    trusts: Trusts
    scale: float = 1.0

    async def do(self, step: Step) -> None:
        match step:
            case Start(job):
                await self._start(job)
            case Adopt(job, attempt, handle):
                logger.info("job_adopted", job=job, attempt=attempt)
                await self._record_live(job, attempt, handle)
            case Again(job, attempt, reason):
                await self.put_back(job, attempt, reason)
            case Overdue(job, attempt, handle):
                await self._overdue(job, attempt, handle)
            case Bury(job, attempt, handle):
                await self._bury(job, attempt, handle)
            case Lose(job, attempt, reason):
                await self._end(job, attempt, reason, "platform")
            case Clear(job, handles):
                await self._clear(job, handles)
            case Discard(_, handle):
                await self.launcher.remove(handle)

    async def _start(self, job: JobId) -> None:
        asked = await self.db.read(running.asked, job)
        if asked is None:
            return
        try:
            supply = await self.chandler.supply(asked.candles)
        except BadJob as error:
            await self.db.write(closing.refuse, self.bus, job, str(error))
            return
        await self.bus.ping()  # without Redis it would find neither its user nor its task
        password = self.rng.bytes(32).hex()
        hashed = sha256(password.encode()).hexdigest()
        opened = await self.db.write(running.open_attempt, self.bus, job, hashed, supply.sha256)
        if opened is None:
            return
        if not await self.db.read(running.is_current, job, opened.attempt):
            return  # we slept, and another process has begun anew
        await self.access.revoke_job(job)  # whoever spoke for an attempt before is cut off
        await self.access.grant(JobRights(job, hashed), opened.boot)
        if not await self._laid_out(opened, supply):
            return
        await self.failpoints.hit("job.before_create")
        trusted = await self.db.read(self.trusts, asked.tenant, asked.code_sha256)
        spec = self._spec(asked, opened, password, supply, trusted=trusted)
        await self._launch(asked, opened, spec)

    async def _laid_out(self, opened: running.Opened, supply: Supply) -> bool:
        if self.launcher.shows_files:
            return True
        try:
            await lay_out(self.bus, opened.job, supply.path)
        except LaunchFailed as error:
            await self.put_back(opened.job, opened.attempt, str(error), patient=True)
            return False
        return True

    async def give(self, one: running.Granted) -> None:
        """What a running job had on a bus that was lost. Its file may be another machine's."""
        await self.access.grant(one.rights, one.boot)
        file = self.chandler.file(one.candles_sha256)
        if not self.launcher.shows_files and file.is_file():
            await lay_out(self.bus, one.rights.job, file)

    async def _launch(self, asked: running.Asked, opened: running.Opened, spec: JobSpec) -> None:
        try:
            handle = await self.launcher.launch(spec)
        except LaunchRefused as error:
            if asked.kind == "check":
                await self.put_back(opened.job, opened.attempt, str(error), patient=True)
            else:
                await self.db.write(closing.refuse, self.bus, opened.job, str(error))
            return
        except LaunchFailed as error:
            reason = f"could not be launched: {error}"
            await self.put_back(opened.job, opened.attempt, reason, patient=True)
            return
        except EngineUnreachable as error:
            # Perhaps it was made, perhaps not: the next look decides.
            logger.warning("job_launch_unknown", job=opened.job, reason=str(error))
            return
        await self.failpoints.hit("job.after_start")
        await self._record_live(opened.job, opened.attempt, handle)
        logger.info("job_launched", job=opened.job, kind=asked.kind, attempt=opened.attempt)

    def _spec(
        self,
        asked: running.Asked,
        opened: running.Opened,
        password: str,
        supply: Supply,
        *,
        trusted: bool,
    ) -> JobSpec:
        return JobSpec(
            self.installation,
            opened.job,
            opened.attempt,
            asked.code_sha256,
            opened.boot_sha256,
            password,
            supply.path,
            opened.limits,
            self.scale,
            trusted,
            0 if self.launcher.shows_files else supply.size,
        )

    async def _record_live(self, job: JobId, attempt: int, handle: Handle) -> None:
        await self.db.write(running.record_live, job, attempt, handle, self.launcher.name)

    async def put_back(
        self, job: JobId, attempt: int, reason: str, *, patient: bool = False
    ) -> None:
        logger.info("job_put_back", job=job, attempt=attempt, reason=reason)
        await self.db.write(closing.put_back, self.bus, job, attempt, reason, patient=patient)

    async def _overdue(self, job: JobId, attempt: int, handle: Handle) -> None:
        _, seconds = await self.db.read(closing.limits_of, job)
        await self._end(job, attempt, f"took longer than {seconds} s", "strategy", handle)

    async def _bury(self, job: JobId, attempt: int, handle: Handle) -> None:
        facts = await self.launcher.facts(handle)
        if facts is not None and facts.exit_code == KILLED and not facts.out_of_memory:
            # An engine may tell of the end a moment before it tells of its cause.
            await self.clock.sleep(SECOND_LOOK_SECONDS)
            facts = await self.launcher.facts(handle)
        reason, fault = await self._judged(job, facts, handle)
        await self._end(job, attempt, reason, fault, handle)

    async def _judged(self, job: JobId, facts: Facts | None, handle: Handle) -> tuple[str, Fault]:
        limit, _ = await self.db.read(closing.limits_of, job)
        end = ending(facts, await self.launcher.logs(handle), limit)
        if end.exit_code == 0:
            return "ended without a result", "strategy"
        is_killed = end.exit_code == KILLED and facts is not None and not facts.out_of_memory
        ours = end.exit_code in (None, wire.EXIT_ENVIRONMENT, wire.EXIT_BOOT) or is_killed
        return end.reason, "platform" if ours else "strategy"

    async def _end(
        self,
        job: JobId,
        attempt: int,
        reason: str,
        fault: Fault,
        handle: Handle | None = None,
    ) -> None:
        tail = await self.launcher.logs(handle) if handle is not None else ""
        logger.info("job_ended", job=job, attempt=attempt, reason=reason)
        await self.db.write(closing.record_end, self.bus, job, attempt, reason, fault, tail)

    async def _clear(self, job: JobId, handles: tuple[Handle, ...]) -> None:
        await self.access.revoke_job(job)
        for handle in handles:
            await self.launcher.remove(handle)
        in_use = await self.db.read(running.files_in_use)
        with suppress(OSError):  # a file more on the disk is no reason to stop
            await self.chandler.tidy(in_use)
        await self.db.write(closing.record_cleared, job)
