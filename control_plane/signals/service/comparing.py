"""What a shadow decided otherwise than the deployment that it stands beside."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from control_plane.core.ids import DeploymentId
from control_plane.infra.db import Tx
from control_plane.signals.store import lists

MOST = 500  # triggers, the newest


@dataclass(frozen=True)
class Thought:
    """A signal as it is compared: not when it was, and not by whom."""

    action: str
    stop_loss: str | None
    take_profit: str | None


@dataclass(frozen=True)
class Decided:
    outcome: str
    signals: tuple[Thought, ...]
    error: str | None


@dataclass(frozen=True)
class Difference:
    trigger: str
    decided_ms: int
    ours: Decided
    shadow: Decided


@dataclass(frozen=True)
class Comparison:
    compared: int  # triggers on which both decided
    differences: Sequence[Difference]  # newest first

    @property
    def same(self) -> int:
        return self.compared - len(self.differences)


def compare(tx: Tx, deployment: DeploymentId, shadow: DeploymentId) -> Comparison:
    """On the newest triggers that both have decided."""
    ours = {row.trigger: row for row in lists.newest_executions(tx, deployment, MOST)}
    theirs = {row.trigger: row for row in lists.newest_executions(tx, shadow, MOST)}
    both = ours.keys() & theirs.keys()
    thoughts = {
        one: _thoughts(lists.signals_on(tx, one, [t for t in both if _may_signal(ours, theirs, t)]))
        for one in (deployment, shadow)
    }
    found = [
        Difference(
            trigger,
            ours[trigger].decided_ms,
            _decided(ours[trigger], thoughts[deployment].get(trigger, ())),
            _decided(theirs[trigger], thoughts[shadow].get(trigger, ())),
        )
        for trigger in sorted(both, key=lambda t: ours[t].trigger_open_ms, reverse=True)
    ]
    return Comparison(len(both), [one for one in found if one.ours != one.shadow])


def _may_signal(ours: dict[str, Row[Any]], theirs: dict[str, Row[Any]], trigger: str) -> bool:
    return "signal" in (ours[trigger].outcome, theirs[trigger].outcome)


def _thoughts(rows: Sequence[Row[Any]]) -> dict[str, tuple[Thought, ...]]:
    found: dict[str, tuple[Thought, ...]] = {}
    for row in rows:
        one = Thought(row.action, _text(row.stop_loss), _text(row.take_profit))
        found[row.trigger] = (*found.get(row.trigger, ()), one)
    return found


def _decided(row: Row[Any], thoughts: tuple[Thought, ...]) -> Decided:
    return Decided(row.outcome, thoughts, row.error)


def _text(value: Any) -> str | None:
    return None if value is None else format(value.normalize(), "f")
