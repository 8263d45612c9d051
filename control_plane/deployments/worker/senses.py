"""What can be known of a container's health, and since when anybody could have known it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from redis.exceptions import RedisError

from control_plane.core.clock import Clock, ms
from control_plane.core.ids import DeploymentId, Shard
from control_plane.deployments.models.health import Noise, Watch, condition
from control_plane.deployments.models.wishes import Condition, Generation, Policy
from control_plane.deployments.service.reconciling import Ship
from control_plane.infra.bus import Bus
from strategy_runtime.wire import names

SUSPICION_SECONDS = 4.0
LOUD_SECONDS = 5.0  # of output that had to be cut: one burst is no flood

Owner = tuple[str, int]  # who holds a shard of the trading role, and since which epoch
Stream = tuple[str, str]


@dataclass
class Senses:
    bus: Bus
    clock: Clock
    policy: Policy
    noise: Noise = field(default_factory=Noise)
    suspects: bool = False  # somebody may be hanging: look again soon
    _bus_since_ms: int | None = None
    _owners: dict[Shard, tuple[Owner, int]] = field(default_factory=dict)
    _watches: dict[DeploymentId, Watch] = field(default_factory=dict)

    async def conditions(
        self, ships: Sequence[Ship], owners: dict[Shard, Owner]
    ) -> dict[DeploymentId, Condition]:
        """How each that is live does."""
        live = [(ship, g) for ship in ships if (g := ship.wish.current) and g.state == "live"]
        newest = await self._newest({(ship.instrument, ship.resolution) for ship, _ in live})
        now = ms(self.clock.now())
        self._hear(now, owners)
        found = {}
        self.suspects = False
        for ship, generation in live:
            watch = self._watch(ship, generation, now)
            watch.see(
                now,
                is_deciding=_is_deciding(ship, generation),
                last_open_ms=ship.last_open_ms,
                newest_open_ms=newest.get((ship.instrument, ship.resolution)),
            )
            window_ms = self.policy.ms(self.policy.memory_window)
            watch.feel(now, generation.pulse, ship.failing, window_ms)
            self.suspects |= watch.owes(now, self.policy.ms(SUSPICION_SECONDS))
            found[ship.wish.deployment] = condition(
                generation,
                watch,
                self._heard_since(ship.shard),
                now,
                self.policy,
                memory_mb=ship.memory_mb,
                is_loud=self._is_loud(ship.wish.deployment, generation, now),
            )
        for gone in self._watches.keys() - {ship.wish.deployment for ship, _ in live}:
            del self._watches[gone]
        return found

    def _watch(self, ship: Ship, generation: Generation, now: int) -> Watch:
        watch = self._watches.get(ship.wish.deployment)
        if watch is None or watch.generation != generation.number:
            watch = Watch(generation.number, now)
            self._watches[ship.wish.deployment] = watch
        return watch

    def _is_loud(self, deployment: DeploymentId, generation: Generation, now: int) -> bool:
        since = self.noise.loud_since_ms.get((deployment, generation.number))
        return since is not None and now - since >= self.policy.ms(LOUD_SECONDS)

    def _hear(self, now: int, owners: dict[Shard, Owner]) -> None:
        """A new owner has to be given the time to hear everybody once."""
        self._owners = {
            shard: before
            if (before := self._owners.get(shard)) is not None and before[0] == owner
            else (owner, now)
            for shard, owner in owners.items()
        }

    def _heard_since(self, shard: Shard) -> int | None:
        owner = self._owners.get(shard)
        if owner is None or self._bus_since_ms is None:
            return None
        return max(owner[1], self._bus_since_ms)

    async def _newest(self, streams: set[Stream]) -> dict[Stream, int]:
        """The newest candle of each on the bus."""
        wanted = sorted(streams)
        try:
            async with self.bus.client.pipeline(transaction=False) as pipe:
                for instrument, resolution in wanted:
                    pipe.xrevrange(names.history(instrument, resolution), count=1)
                pipe.ping()
                answers = await pipe.execute()
        except (RedisError, OSError):
            self._bus_since_ms = None
            return {}
        if self._bus_since_ms is None:
            self._bus_since_ms = ms(self.clock.now())
        return {
            stream: int(entries[0][0].partition(b"-")[0])
            for stream, entries in zip(wanted, answers[:-1], strict=True)
            if entries
        }


def _is_deciding(ship: Ship, generation: Generation) -> bool:
    pulse = generation.pulse
    if pulse is None or pulse.welcomed_ms is None or pulse.phase != "running":
        return False
    return ship.wish.desired == "running" and ship.wish.active_generation == generation.number
