"""Carries out one step: calls the engine and the bus, and records before and after each call."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from loguru import logger

from control_plane.containers.access import Access
from control_plane.containers.errors import EngineUnreachable, LaunchFailed, LaunchRefused
from control_plane.containers.launches import LaunchSpec
from control_plane.containers.models import Facts, Handle, Launcher
from control_plane.core.ids import DeploymentId, Rng, Tenant
from control_plane.deployments.models.endings import Ending, ending
from control_plane.deployments.models.wishes import (
    Adopt,
    Bury,
    Discard,
    Launch,
    Lose,
    Observe,
    Policy,
    Step,
    Stop,
)
from control_plane.deployments.service import launching, reconciling, watching
from control_plane.deployments.service.launching import Opened
from control_plane.infra.bus import Bus, BusUnavailable
from control_plane.infra.db import Database, Tx
from control_plane.infra.failpoints import Failpoints

Trusts = Callable[[Tx, Tenant, str], bool]
"""Whether a tenant's code, by its hash, may run without a sandbox."""

BROKEN_OFF = "its launch was broken off"
KILLED = 137


@dataclass(frozen=True)
class Hands:
    installation: str
    db: Database
    bus: Bus
    rng: Rng
    launcher: Launcher
    access: Access
    failpoints: Failpoints
    policy: Policy
    trusts: Trusts

    async def do(self, step: Step) -> None:
        match step:
            case Launch(deployment, reason):
                await self._launch(deployment, reason)
            case Adopt(deployment, generation, handle):
                logger.info("container_adopted", deployment=deployment, generation=generation)
                await self._record_live(deployment, generation, handle)
            case Stop():
                await self.stop(step)
            case Bury(deployment, generation, handle, expected):
                await self._bury(deployment, generation, handle, expected)
            case Lose(deployment, generation, reason):
                await self._end(deployment, generation, Ending(reason, crashed=False))
                await self.access.revoke(deployment, generation)
            case Discard(deployment, handle):
                logger.warning("container_discarded", deployment=deployment, container=handle)
                await self.launcher.remove(handle)
            case Observe(deployment, observed, reason):
                await self.db.write(reconciling.observe, deployment, observed, reason)

    async def stop(self, step: Stop) -> None:
        """End it, learn how it ended, write that down, remove it."""
        logger.info(
            "container_stopped",
            deployment=step.deployment,
            generation=step.generation,
            reason=step.reason,
        )
        patience = self.policy.ill_grace if step.crashed else self.policy.grace
        grace = patience * self.policy.scale
        before = await self.launcher.facts(step.handle)
        await self.launcher.stop(step.handle, grace)
        after = await self.launcher.facts(step.handle)
        end = Ending(
            _told(step.reason, before, after, grace),
            after.exit_code if after else None,
            crashed=step.crashed,
            hopeless=step.hopeless,
        )
        await self._close(step.deployment, step.generation, step.handle, end, before)

    async def cut_off(self, deployment: DeploymentId, generation: int, reason: str) -> None:
        """At once: it floods, or does what it may not. Written down first, so that whatever fails
        here is done at the next look.
        """
        handle = await self.db.write(
            reconciling.record_cut_off, self.bus, self.rng, deployment, generation, reason
        )
        logger.warning("container_cut_off", deployment=deployment, reason=reason)
        with suppress(BusUnavailable):  # then it cannot speak either, and the keeper sweeps
            await self.access.revoke(deployment, generation)
        if handle is not None:
            await self.launcher.stop(handle, 0)

    async def _launch(self, deployment: DeploymentId, reason: str) -> None:
        await self.bus.ping()  # without Redis it would find neither its user nor its boot key
        password = self.rng.bytes(32).hex()
        hashed = sha256(password.encode()).hexdigest()
        opened = await self.db.write(
            launching.open_generation, self.bus, deployment, hashed, reason
        )
        if opened is None:
            return
        try:
            await self.access.grant(opened.rights, opened.boot)
            await self.failpoints.hit("launch.before_create")
            trusted = await self.db.read(self.trusts, opened.tenant, opened.code_sha256)
            handle = await self.launcher.launch(self._spec(opened, password, trusted=trusted))
        except LaunchRefused as error:
            await self._not_launched(opened, Ending(str(error), hopeless=True))
            return
        except LaunchFailed as error:
            end = Ending(f"could not be launched: {error}", crashed=False, not_its_fault=True)
            await self._not_launched(opened, end)
            return
        except EngineUnreachable as error:
            # Perhaps it was made, perhaps not: the next look decides.
            logger.warning("launch_unknown", deployment=deployment, reason=str(error))
            return
        await self.failpoints.hit("launch.after_start")
        await self._record_live(deployment, opened.generation, handle)
        logger.info("container_launched", deployment=deployment, generation=opened.generation)

    def _spec(self, opened: Opened, password: str, *, trusted: bool) -> LaunchSpec:
        return LaunchSpec(
            self.installation,
            opened.deployment,
            opened.generation,
            opened.code_sha256,
            opened.boot_sha256,
            password,
            opened.limits,
            self.policy.scale,
            trusted,
        )

    async def _record_live(self, deployment: DeploymentId, generation: int, handle: Handle) -> None:
        await self.failpoints.hit("launch.before_record")
        await self.db.write(
            reconciling.record_live, deployment, generation, handle, self.launcher.name
        )

    async def _not_launched(self, opened: Opened, end: Ending) -> None:
        logger.warning("launch_failed", deployment=opened.deployment, reason=end.reason)
        await self._end(opened.deployment, opened.generation, end)
        await self.access.revoke(opened.deployment, opened.generation)

    async def _bury(
        self, deployment: DeploymentId, generation: int, handle: Handle, expected: bool
    ) -> None:
        facts = await self.launcher.facts(handle)
        if facts is not None and facts.state == "created":
            end = Ending(BROKEN_OFF, crashed=False)
        else:
            limit = await self.db.read(reconciling.memory_mb, deployment, generation)
            end = ending(facts, await self.launcher.logs(handle), limit)
            logger.info(
                "container_ended", deployment=deployment, generation=generation, reason=end.reason
            )
            if expected:
                end = Ending(end.reason, end.exit_code, crashed=False)
        await self._close(deployment, generation, handle, end, facts)

    async def _close(
        self,
        deployment: DeploymentId,
        generation: int,
        handle: Handle,
        end: Ending,
        facts: Facts | None,
    ) -> None:
        peak = facts.peak_memory_bytes if facts is not None else None
        tail = await self.launcher.logs(handle)
        await self._record_output(deployment, generation, handle)
        await self._end(deployment, generation, end, log_tail=tail, peak_memory_bytes=peak)
        await self.access.revoke(deployment, generation)
        await self.launcher.remove(handle)

    async def _record_output(
        self, deployment: DeploymentId, generation: int, handle: Handle
    ) -> None:
        """The end of it, before its container is gone."""
        last = await self.db.read(watching.printed_last, deployment, generation)
        lines = await self.launcher.output(handle, last)
        if lines:
            await self.db.write(watching.record_output, deployment, generation, lines)

    async def _end(
        self, deployment: DeploymentId, generation: int, end: Ending, **facts: Any
    ) -> None:
        await self.db.write(
            reconciling.record_end,
            self.bus,
            deployment,
            generation,
            end,
            policy=self.policy,
            rng=self.rng,
            **facts,
        )


def _told(reason: str, before: Facts | None, after: Facts | None, grace: float) -> str:
    """One that had to be killed did not do what it was asked to."""
    was_up = before is not None and before.state == "running"
    if not was_up or after is None or after.exit_code != KILLED or after.out_of_memory:
        return reason
    return f"{reason}; it did not end within {grace:g} s of SIGTERM and was killed"
