"""A batch of executions against what is stored already: which of them count, which repeat.

The first execution of a trigger is final, whoever sends it and whether it stands in the table or
earlier in the same batch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from control_plane.core.ids import DeploymentId, Shard
from control_plane.signals.models.frames import Decided, Refused, Sender, body_hash, judge
from control_plane.signals.models.hello import order_of
from strategy_runtime.wire import messages

Outcome = Literal[
    "committed",  # it is the decision of its trigger
    "repeated",  # its trigger was decided already: compared, acknowledged, never planned
    "refused",  # it counts for nothing; acknowledged, for sending it again would not help
    "known",  # this very frame was settled before, and its acknowledgement was lost
    "left",  # not ours to settle: no acknowledgement, so that it comes again
]
Key = tuple[DeploymentId, int, str, int]  # deployment, generation, run, n


@dataclass(frozen=True)
class Arrival:
    """An execution and the channel that it came on, heard under an epoch of its shard's lease."""

    deployment: DeploymentId
    generation: int
    shard: Shard
    epoch: int
    execution: messages.Execution
    frame: bytes
    wrong: str | None = None  # what makes it unsound

    @property
    def key(self) -> Key:
        return (self.deployment, self.generation, self.execution.run, self.execution.n)


@dataclass(frozen=True)
class Settled:
    arrival: Arrival
    outcome: Outcome
    body_sha256: str = ""
    decided: Decided | None = None
    moves: bool = False  # its deployment's last trigger is now this one
    same: bool = True  # as the decision that it repeats
    reason: str = ""


@dataclass
class Stored:
    """What the tables know of a batch's triggers and frames; it grows as the batch is settled."""

    decided: dict[tuple[DeploymentId, str], str] = field(default_factory=dict)  # to body hashes
    seen: set[Key] = field(default_factory=set)
    last: dict[DeploymentId, str | None] = field(default_factory=dict)


def settle(
    arrivals: Sequence[Arrival],
    senders: Mapping[tuple[DeploymentId, int], Sender],
    stored: Stored,
) -> list[Settled]:
    """One verdict for each arrival, in their order. A sender that is missing is not ours."""
    settled: list[Settled] = []
    for arrival in arrivals:
        sender = senders.get((arrival.deployment, arrival.generation))
        one = _one(arrival, sender, stored)
        if one.outcome not in {"known", "left"}:
            stored.seen.add(arrival.key)
        settled.append(one)
    return settled


def _one(arrival: Arrival, sender: Sender | None, stored: Stored) -> Settled:
    if sender is None:
        return Settled(arrival, "left")
    if arrival.key in stored.seen:
        return Settled(arrival, "known")

    if arrival.wrong is not None:
        return Settled(arrival, "refused", reason=arrival.wrong)

    execution = arrival.execution
    digest = body_hash(execution)
    first = stored.decided.get((arrival.deployment, execution.trigger))
    if first is not None:
        return Settled(arrival, "repeated", digest, same=first == digest)

    verdict = judge(execution, sender)
    if isinstance(verdict, Refused):
        return Settled(arrival, "refused", reason=verdict.reason)

    stored.decided[arrival.deployment, execution.trigger] = digest
    last = stored.last.setdefault(arrival.deployment, sender.last_trigger)
    moves = last is None or order_of(execution.trigger) > order_of(last)
    if moves:
        stored.last[arrival.deployment] = execution.trigger
    return Settled(arrival, "committed", digest, verdict, moves, reason=verdict.spoilt or "")
