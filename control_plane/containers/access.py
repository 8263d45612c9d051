"""What a generation may do on the bus: a Redis user of its own, and its boot key.

Both can be made again at any moment from what the database holds, for of the password only the hash
is kept. A marker key tells that Redis was lost: gone means that the users are gone as well.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from redis.exceptions import RedisError, ResponseError

from control_plane.core.ids import DeploymentId, JobId
from control_plane.infra.bus import Bus, BusUnavailable
from strategy_runtime.wire import names

COMMANDS = ("get", "xrange", "xrevrange", "xread", "ping", "hello", "auth", "client|setname")
JOB_COMMANDS = ("get", "llen", "lindex", "ping", "hello", "auth", "client|setname")
MARKER_SECONDS = 3_600  # it outlives its process by this much


class Granted(Protocol):
    """Whoever may connect: by which name, what it reads first, and what else it may do."""

    @property
    def user(self) -> str: ...
    @property
    def boot_key(self) -> str: ...
    @property
    def rules(self) -> Sequence[str]: ...


@dataclass(frozen=True)
class Rights:
    """What one generation was declared to need."""

    deployment: DeploymentId
    generation: int
    password_sha256: str
    instrument: str
    resolutions: tuple[str, ...]
    ticks: bool

    @property
    def user(self) -> str:
        return names.user(self.deployment, self.generation)

    @property
    def boot_key(self) -> str:
        return names.boot(self.deployment, self.generation)

    @property
    def rules(self) -> Sequence[str]:
        return rules(self)


@dataclass(frozen=True)
class JobRights:
    """A job reads its task and speaks on its own channels. It sees no market: its candles are a
    file, or the bytes of one.
    """

    job: JobId
    password_sha256: str

    @property
    def user(self) -> str:
        return names.job_user(self.job)

    @property
    def boot_key(self) -> str:
        return names.job_boot(self.job)

    @property
    def rules(self) -> Sequence[str]:
        return [
            "reset",
            "on",
            f"#{self.password_sha256}",
            f"%R~{self.boot_key}",
            f"%R~{names.job_candles(self.job)}",
            *(f"+{command}" for command in JOB_COMMANDS),
            f"(+subscribe +unsubscribe resetchannels &{names.job_down(self.job)})",
            f"(+publish resetchannels &{names.job_up(self.job)})",
        ]


def rules(rights: Rights) -> list[str]:
    """The arguments of ACL SETUSER. Channel patterns know no read and write, so subscribing and
    publishing stand in a selector each.
    """
    heard = [names.candles(rights.instrument, r) for r in rights.resolutions]
    if rights.ticks:
        heard.append(names.ticks(rights.instrument))
    heard.append(names.down(rights.deployment, rights.generation))
    keys = [names.history(rights.instrument, r) for r in rights.resolutions]
    keys.append(names.boot(rights.deployment, rights.generation))
    return [
        "reset",
        "on",
        f"#{rights.password_sha256}",
        *(f"%R~{key}" for key in keys),
        *(f"+{command}" for command in COMMANDS),
        f"(+subscribe +unsubscribe resetchannels {' '.join(f'&{c}' for c in heard)})",
        f"(+publish resetchannels &{names.up(rights.deployment, rights.generation)})",
    ]


@dataclass(frozen=True)
class Access:
    """Makes and takes rights, on the administrator's connection."""

    bus: Bus
    marker: str  # a key of this process' own

    async def grant(self, rights: Granted, boot: str) -> None:
        """Safe to repeat: connections that stand already keep standing."""
        try:
            await self.bus.client.set(rights.boot_key, boot)
            await self._acl("SETUSER", rights.user, *rights.rules)
        except ResponseError as error:
            raise BusUnavailable(
                f"Redis refuses to make a user: {error}.",
                remedy="It must be version 7.0 or newer, and SLIPWAY_REDIS_URL an administrator's.",
            ) from error
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error

    async def revoke(self, deployment: DeploymentId, generation: int) -> None:
        """Its connections end at once. Already gone is success."""
        await self.revoke_all([(deployment, generation)])

    async def revoke_all(self, generations: Iterable[tuple[DeploymentId, int]]) -> None:
        for deployment, generation in generations:
            key = names.boot(deployment, generation)
            await self._take(names.user(deployment, generation), key)

    async def revoke_job(self, job: JobId) -> None:
        candles = names.job_candles(job)
        await self._take(names.job_user(job), names.job_boot(job), candles, f"{candles}:part")

    async def _take(self, user: str, *keys: str) -> None:
        try:
            await self._acl("DELUSER", user)
            await self.bus.client.unlink(*keys)
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error

    async def sweep(self, known: Collection[str], keep: Collection[str]) -> int:
        """Take the rights of our deployments' generations that should have none; how many."""
        try:
            found = await self._acl("USERS")
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error
        stale = []
        for user in map(bytes.decode, found):
            deployment, _, generation = user.removeprefix("dep-").rpartition("-g")
            if deployment in known and generation.isdecimal() and user not in keep:
                stale.append((DeploymentId(deployment), int(generation)))
        await self.revoke_all(stale)
        return len(stale)

    async def sweep_jobs(self, known: Collection[str], keep: Collection[str]) -> int:
        """The same for jobs of ours that run no more."""
        try:
            found = await self._acl("USERS")
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error
        stale = [
            JobId(user.removeprefix("job-"))
            for user in map(bytes.decode, found)
            if user.startswith("job-") and user not in keep and user.removeprefix("job-") in known
        ]
        for job in stale:
            await self.revoke_job(job)
        return len(stale)

    async def is_marked(self) -> bool:
        """Whether this is still the server that we have marked."""
        try:
            return bool(await self.bus.client.expire(self.marker, MARKER_SECONDS))
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error

    async def mark(self) -> None:
        try:
            await self.bus.client.set(self.marker, b"1", ex=MARKER_SECONDS)
        except (RedisError, OSError) as error:
            raise BusUnavailable(f"Redis does not answer: {error}.") from error

    async def _acl(self, *words: str) -> Any:
        # The library's own acl_setuser knows no selectors.
        return await self.bus.client.execute_command("ACL", *words)  # type: ignore[no-untyped-call]
