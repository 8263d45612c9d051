"""Who is next. Owners take turns, so that one who queues a thousand jobs delays nobody else by more
than the jobs that run already; within an owner's own, short kinds go before long ones.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from control_plane.core.ids import JobId, Tenant
from strategy_runtime.wire.jobs import Kind

RANK: Mapping[Kind, int] = {"check": 0, "backtest": 1, "optimise": 2}
LONG: tuple[Kind, ...] = ("optimise",)


@dataclass(frozen=True)
class Waiting:
    job: JobId
    tenant: Tenant
    kind: Kind
    created_ms: int


@dataclass(frozen=True)
class Capacity:
    parallel: int  # of all owners
    per_tenant: int

    @property
    def long(self) -> int:
        """Long jobs leave a place for short ones, where there is more than one."""
        return max(1, self.parallel - 1)


def next_up(
    waiting: Sequence[Waiting],
    running: Sequence[tuple[Tenant, Kind]],
    served: Mapping[Tenant, int],
    capacity: Capacity,
) -> list[JobId]:
    """Which to start now. `served` is when an owner's last job was started: whoever runs the least,
    then whoever was served longest ago, comes first.
    """
    counts = Counter(tenant for tenant, _ in running)
    long = sum(kind in LONG for _, kind in running)
    turn = {tenant: (at, 0) for tenant, at in served.items()}
    left = sorted(waiting, key=lambda one: (RANK[one.kind], one.created_ms, one.job))
    chosen: list[JobId] = []
    while len(running) + len(chosen) < capacity.parallel:
        may = [
            one
            for one in left
            if counts[one.tenant] < capacity.per_tenant
            and (one.kind not in LONG or long < capacity.long)
        ]
        if not may:
            break
        # The sort is stable: of an owner's jobs the first of `left` is the one that is compared.
        best = min(may, key=lambda one: (counts[one.tenant], turn.get(one.tenant, (0, 0))))
        left.remove(best)
        chosen.append(best.job)
        counts[best.tenant] += 1
        long += best.kind in LONG
        turn[best.tenant] = (max((at for at, _ in turn.values()), default=0), len(chosen))
    return chosen
