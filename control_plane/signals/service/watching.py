"""What an operator looks at: every container beside what it says, prints and decides."""

from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from control_plane.core.ids import DeploymentId, Tenant
from control_plane.deployments import service as deployments
from control_plane.deployments.service import watching
from control_plane.errors import Invalid
from control_plane.infra.db import Tx
from control_plane.signals.store import lists

Source = Literal["all", "author", "output"]


@dataclass(frozen=True)
class Line:
    """One line: its author's own by self.log, or what the process printed."""

    at_ms: int
    source: str
    level: str
    generation: int
    text: str


@dataclass(frozen=True)
class Lines:
    lines: Sequence[Line]
    cursor: str  # asks for what comes after


def lines(
    tx: Tx,
    deployment: DeploymentId,
    *,
    source: Source,
    grep: str | None,
    after: str | None,
    limit: int,
) -> Lines:
    """The newest lines, or those after a cursor; oldest first."""
    said, printed = (None, None) if after is None else _read(after)
    found: list[tuple[int, bool, Line]] = []
    if source != "output":
        rows = lists.log_lines_of(tx, deployment, after=said, grep=grep, limit=limit)
        found += [
            (row.id, True, Line(row.at_ms, "author", row.level, row.generation, row.text))
            for row in rows
        ]
    if source != "author":
        shown = watching.output(tx, deployment, after=printed, grep=grep, limit=limit)
        found += [
            (one.number, False, Line(one.at_ms, "output", "", one.generation, one.text))
            for one in shown
        ]
    found.sort(key=lambda one: (one[2].at_ms, one[1], one[0]))
    # After a cursor the oldest come first, so that a slow reader misses none.
    kept = found[:limit] if after is not None else found[-limit:]
    last_said = max([number for number, is_said, _ in kept if is_said], default=said or 0)
    last_printed = max([number for number, is_said, _ in kept if not is_said], default=printed or 0)
    return Lines([line for _, _, line in kept], f"{last_said}.{last_printed}")


@dataclass(frozen=True)
class Mark:
    """How far a deployment's lines and vitals are."""

    said: int = 0
    printed: int = 0
    minute_ms: int = 0


def marks(tx: Tx, deployments: Collection[DeploymentId]) -> dict[DeploymentId, Mark]:
    """Of many at once; cheap enough to ask twice a second."""
    said = lists.last_lines(tx, deployments)
    printed, minutes = watching.printed_and_measured(tx, deployments)
    return {
        one: Mark(said.get(one, 0), printed.get(one, 0), minutes.get(one, 0)) for one in deployments
    }


def fleet(tx: Tx, tenant: Tenant | None) -> list[dict[str, Any]]:
    """One owner's containers, or all, with what each uses and how much it has signalled."""
    found = deployments.listed(tx, tenant)
    ids = [status.id for status in found]
    used = watching.cpus_now(tx, ids)
    signals = lists.signals_of_each(tx, ids)
    return [
        {
            **asdict(status),
            "cpus_used": used.get(status.id),
            "signals": signals.get(status.id, 0),
        }
        for status in found
    ]


def known_cursor(cursor: str) -> str:
    """Refused now, before anything is read with it."""
    _read(cursor)
    return cursor


def _read(cursor: str) -> tuple[int, int]:
    said, _, printed = cursor.partition(".")
    if not (said.isdecimal() and printed.isdecimal() and len(cursor) <= 40):
        raise Invalid(
            "This is no cursor of ours.",
            field="after",
            remedy="Send cursor as it came, or leave it out to begin with the newest.",
        )
    return int(said), int(printed)
