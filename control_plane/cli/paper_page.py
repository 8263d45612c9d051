"""One page of a terminal for a strategy on paper; lines where nobody watches."""

import json
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from control_plane.cli.backtesting import sparkline

if TYPE_CHECKING:
    from rich.live import Live
    from rich.table import Table

    from strategy_runtime.backtest.paper import Paper
    from strategy_runtime.engine.engine import Decision

LINES = 8


class Screen(Protocol):
    def decided(self, decision: "Decision") -> None: ...

    def say(self, text: str) -> None: ...

    def draw(self) -> None: ...


@contextmanager
def screen(name: str, sailing: "Paper", *, as_json: bool) -> Iterator[Screen]:
    if as_json or not sys.stdout.isatty():
        yield Rows(as_json=as_json)
        return
    from rich.live import Live

    with Live(auto_refresh=False, screen=True) as live:
        yield Page(name, sailing, live)


class Rows:
    """What was said, a line each; with JSON every decision."""

    def __init__(self, *, as_json: bool) -> None:
        self._as_json = as_json

    def decided(self, decision: "Decision") -> None:
        if self._as_json:
            print(as_json_line(decision), flush=True)
            return
        for text in told(decision):
            print(text, flush=True)

    def say(self, text: str) -> None:
        print(json.dumps({"said": text}) if self._as_json else text, flush=True)

    def draw(self) -> None:
        """Lines stay where they are."""


class Page:
    def __init__(self, name: str, sailing: "Paper", live: "Live") -> None:
        self._name, self._sailing, self._live = name, sailing, live
        self._lines: deque[str] = deque(maxlen=LINES)
        self._said = ""

    def decided(self, decision: "Decision") -> None:
        self._lines.extend(told(decision))

    def say(self, text: str) -> None:
        self._said = text

    def draw(self) -> None:
        self._live.update(
            page(self._name, self._sailing, list(self._lines), self._said), refresh=True
        )


def page(name: str, sailing: "Paper", lines: list[str], said: str) -> "Table":
    from rich.table import Table
    from rich.text import Text

    now, setting = sailing.standing(), sailing.setting
    capital = now.curve[0] if now.curve else now.equity
    drawn = Table.grid(padding=(0, 2))
    drawn.add_row(Text(name, style="bold"), f"{setting.instrument} {setting.resolution}")
    drawn.add_row("equity", f"{now.equity:,.2f}  ({now.equity / capital - 1:+.2%})")
    drawn.add_row("", sparkline(list(now.curve)))
    drawn.add_row("position", _position(now.position))
    closed = len(now.ledger.trades) - now.ledger.open_at_end
    drawn.add_row("decided", f"{now.decided} candles, {closed} trades, {now.failed} failed")
    if now.ledger.skipped:
        drawn.add_row("skipped", f"{len(now.ledger.skipped)}: {now.ledger.skipped[-1].reason}")
    for text in lines:
        drawn.add_row("", Text(text, overflow="ellipsis", no_wrap=True))
    drawn.add_row("", Text(said or "Save the file to reload it · Ctrl-C ends", style="dim"))
    return drawn


def told(decision: "Decision") -> list[str]:
    """What happened on one candle, for people."""
    at = decision.trigger.rpartition(":")[2]
    clock = datetime.fromtimestamp(int(at) / 1000, UTC).strftime("%d %b %H:%M")
    rows = [f"{clock} {fill.cause} {fill.action} at {fill.price:,.6g}" for fill in decision.fills]
    for signal in decision.signals:
        levels = [("stop", signal.stop_loss), ("target", signal.take_profit)]
        beside = "".join(f" {word} {level:,.6g}" for word, level in levels if level is not None)
        rows.append(f"{clock} says {signal.action}{beside} {signal.reason}".rstrip())
    rows += [f"{clock} {level}: {text}" for level, text in decision.lines]
    if decision.error:
        rows += [f"{clock} {row}" for row in decision.error.splitlines()]
    return rows


def as_json_line(decision: "Decision") -> str:
    row: dict[str, Any] = {
        "trigger": decision.trigger,
        "outcome": decision.outcome,
        "signals": msgspec.to_builtins(decision.signals),
        "lines": [text for _, text in decision.lines],
        "error": decision.error,
    }
    return json.dumps(row)


def _position(position: Any) -> str:
    if position.side is None:
        return "flat"
    levels = [("stop", position.stop_loss), ("target", position.take_profit)]
    beside = "".join(f", {word} {level:,.6g}" for word, level in levels if level is not None)
    return f"{position.side} from {position.entry_price:,.6g}{beside}"
