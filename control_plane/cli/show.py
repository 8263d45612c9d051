"""What commands print: a calm table for people, JSON for programs."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.table import Table

Row = Mapping[str, Any]

# Colours for words that mean something; everything else stays plain.
GOOD = {"running", "active", "passed", "protected", "filled", "ready", "planned", "accepted"}
BAD = {"failed", "crash_loop", "refused", "rejected", "quarantined", "unprotected", "abandoned"}
BUSY = {
    "pending", "starting", "warming", "lagging", "restarting", "stopping", "paused", "entering",
    "exiting", "unknown", "sending", "partial", "checking",
}  # fmt: skip

WIDE = 200  # a pipe has no width: nothing is cut
GAP = 3  # between two columns
LEAST = 20  # of a column that may be broken into lines


@dataclass(frozen=True)
class Column:
    title: str
    value: str | Callable[[Row], Any]
    right: bool = False
    whole: bool = False  # never broken or cut where the screen is narrow
    spare: int = 0  # left out there, those with the highest number first

    def of(self, row: Row) -> str:
        found = row.get(self.value) if isinstance(self.value, str) else self.value(row)
        return "" if found is None else str(found)


def rows(
    found: Sequence[Row], columns: Sequence[Column], *, empty: str, as_json: bool = False
) -> None:
    """A table; where there is nothing, what to do next."""
    if as_json:
        print_json(found)
        return
    if not found:
        print(empty)
        return
    from rich.console import Console

    console = Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)
    console.print(table(found, fitting(found, columns, console.width)))


def fitting(found: Sequence[Row], columns: Sequence[Column], width: int) -> list[Column]:
    """What there is room for: of the rest first what says nothing, then what may be spared."""
    kept, needed = list(columns), {}
    for column in columns:
        widest = max((len(column.of(row)) for row in found), default=0)
        least = widest if column.right or column.whole else min(widest, LEAST)
        needed[column.title] = max(least, len(column.title)) if widest else 0
    spared = sorted(
        (column for column in columns if column.spare or not needed[column.title]),
        key=lambda column: (needed[column.title] > 0, -column.spare),
    )
    for column in spared:
        if sum(max(needed[c.title], len(c.title)) + GAP for c in kept) - 1 <= width:
            break
        kept.remove(column)
    return kept


def table(found: Sequence[Row], columns: Sequence[Column]) -> "Table":
    from rich import box
    from rich.table import Table
    from rich.text import Text

    drawn = Table(box=box.SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for column in columns:
        drawn.add_column(
            column.title,
            justify="right" if column.right else "left",
            no_wrap=column.right or column.whole,
        )
    for row in found:
        cells = [column.of(row) for column in columns]
        drawn.add_row(*[Text(cell, style=_style(cell)) for cell in cells])
    return drawn


def one(found: Row, as_json: bool, sentence: str) -> None:
    if as_json:
        print_json(found)
    else:
        print(sentence)


def as_json(found: Any) -> str:
    return json.dumps(found, indent=2)


def print_json(found: Any) -> None:
    print(as_json(found))


def milliseconds_between(earlier: str | None, later: str) -> int | None:
    if earlier is None:
        return None
    gone = datetime.fromisoformat(later) - datetime.fromisoformat(earlier)
    return round(gone.total_seconds() * 1000)


def clock(field: str) -> Callable[[Row], str]:
    """A moment on this machine's clock; the date only if it is another day."""

    def shown(row: Row) -> str:
        at = row.get(field)
        if not at:
            return ""
        moment = datetime.fromisoformat(at).astimezone()
        return moment.strftime("%d %b %H:%M:%S")

    return shown


def megabytes(field: str) -> Callable[[Row], str]:
    return lambda row: f"{row[field] / 1_000_000:.0f} MB" if row.get(field) else ""


def money(amount: str | None, currency: str) -> str:
    return "" if amount is None else f"{Decimal(amount):+,.2f} {currency}"


def short(field: str, length: int = 12) -> Callable[[Row], str]:
    return lambda row: str(row.get(field) or "")[:length]


def _style(cell: str) -> str:
    word = cell.lower()
    if word in GOOD:
        return "green"
    if word in BAD:
        return "red"
    return "yellow" if word in BUSY else ""
