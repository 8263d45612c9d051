"""The fleet as an operator watches it: every container, what happened to it and what it prints."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from control_plane.cli import live, show
from control_plane.cli.deployments import done
from control_plane.cli.session import (
    MOST,
    Api,
    AsJson,
    Limit,
    call,
    find_deployment,
    until_interrupted,
)
from control_plane.cli.show import Column, Row
from control_plane.client import calls, shapes

if TYPE_CHECKING:
    from rich.table import Table

PANEL = "Deployments"
LOOK_SECONDS = 1.0
AT_REST = ("pending", "stopped", "crash_loop", "failed")  # what its last launch used is past
FOLLOW_SECONDS = 0.5
MB = 1024 * 1024

Which = Annotated[str, typer.Argument(help="A deployment's name or id.", show_default=False)]
Once = Annotated[bool, typer.Option("--once", help="Print it once instead of watching it.")]
Mine = Annotated[bool, typer.Option("--mine", help="An admin's own containers only.")]
Sort = Literal["cpu", "memory", "lag"]


@dataclass
class Meter:
    """Processors used between two heartbeats: fresher than the minute that is stored."""

    before: dict[str, tuple[int, str, float]] = field(default_factory=dict)
    used: dict[str, float] = field(default_factory=dict)

    def look(self, rows: Sequence[Row]) -> None:
        for row in rows:
            if row["beat_at"] is None or row["cpu_seconds"] is None:
                continue
            name, now = row["id"], (row["generation"], row["beat_at"], row["cpu_seconds"])
            before = self.before.get(name)
            if before is not None and before[0] == now[0] and before[1] < now[1]:
                seconds = (_moment(now[1]) - _moment(before[1])).total_seconds()
                self.used[name] = max(0.0, now[2] - before[2]) / seconds
            self.before[name] = now

    def of(self, row: Row) -> float | None:
        stored = row["cpus_used"]
        return self.used.get(row["id"], _average(row) if stored is None else stored)


def columns(meter: Meter, now: datetime) -> tuple[Column, ...]:
    return (
        Column("name", "name", whole=True),
        Column("market", lambda row: f"{row['instrument']} {row['resolution']}", spare=6),
        Column("state", "observed", whole=True),
        Column("age", lambda row: lives(row, age(row["started_at"], now)), right=True, spare=2),
        Column("gen", "generation", right=True, spare=5),
        Column("lag", lambda row: lives(row, _lag(row)), right=True, spare=1),
        Column("cpu", lambda row: lives(row, _cpu(row, meter)), right=True),
        Column("memory", lambda row: lives(row, _memory(row)), right=True),
        Column("restarts", "restarts", right=True, spare=3),
        Column("signals", "signals", right=True, spare=4),
        Column("reason", "reason"),
    )


NODE = (
    Column("name", "name", whole=True),
    Column("launcher", "launcher", spare=3),
    Column("state", "state", whole=True),
    Column("cpus", lambda row: f"{row['cpus']:g}", right=True, spare=2),
    Column("memory", lambda row: f"{row['memory_mb']} MB", right=True),
    Column("promised", lambda row: f"{row['promised_mb']} MB", right=True, spare=1),
    Column("spare", lambda row: f"{max(0, row['memory_mb'] - row['promised_mb'])} MB", right=True),
    Column("containers", "containers", right=True),
)
app = typer.Typer(help="Watch every container: its state, what it uses, what happened.")


def add_to(root: typer.Typer) -> None:
    root.add_typer(app, name="fleet", rich_help_panel=PANEL)
    root.command(rich_help_panel=PANEL)(logs)


@app.callback(invoke_without_command=True)
def fleet(
    context: typer.Context, once: Once = False, mine: Mine = False, as_json: AsJson = False
) -> None:
    """Watch every container: state, reason, age, lag, processor and memory against limits."""
    if context.invoked_subcommand is None:
        _watch(once, mine, as_json, lambda rows, _: rows)


@app.command()
def top(
    by: Annotated[Sort, typer.Option(help="What comes first.")] = "cpu",
    once: Once = False,
    mine: Mine = False,
    as_json: AsJson = False,
) -> None:
    """Those that use most of what they may come first."""

    def key(row: Row, meter: Meter) -> float:
        match by:
            case "cpu":
                return (meter.of(row) or 0.0) / float(row["cpus"])
            case "memory":
                return (_mb(row) or 0.0) / float(row["memory_mb"])
            case "lag":
                return float(row["lag_ms"] or 0)

    _watch(
        once,
        mine,
        as_json,
        lambda rows, meter: sorted(rows, key=lambda row: key(row, meter), reverse=True),
    )


@app.command()
def events(limit: Limit = 50, as_json: AsJson = False) -> None:
    """What happened to your deployments: launches, ends, states and why."""

    async def look(api: Api) -> tuple[list[shapes.HappenedOut], dict[str, str]]:
        rows = await api.all(calls.list_deployments(limit=MOST))
        found = await api.rows(calls.list_fleet_events(limit=limit))
        return found, {row["id"]: row["name"] for row in rows}

    found, names = call(look)
    name = Column(
        "deployment", lambda row: names.get(row["subject_id"], row["subject_id"]), whole=True
    )
    show.rows(found, (WHEN, name, *WHAT), empty="Nothing has happened yet.", as_json=as_json)


@app.command()
def nodes(as_json: AsJson = False) -> None:
    """The machines that strategies run on, and what they have to spare."""
    found = call(lambda api: api.all(calls.list_nodes(limit=MOST)))
    show.rows(found, NODE, empty="No machine has been counted yet.", as_json=as_json)


@app.command()
def history(deployment: Which, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Every state that a deployment was in, and why."""

    found = done(deployment, partial(calls.list_history, limit=limit))["items"]
    show.rows(found, (WHEN, *WHAT), empty="Nothing has happened yet.", as_json=as_json)


def logs(
    deployment: Which,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as lines come.")] = False,
    grep: Annotated[str | None, typer.Option(help="Only lines with this text.")] = None,
    source: Annotated[
        Literal["all", "author", "output"],
        typer.Option(help="What the author logs, what the process prints, or both."),
    ] = "all",
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Show what a strategy's author logs and what its process prints, oldest first."""

    async def look(api: Api) -> int:
        one = await find_deployment(api, deployment)
        lines = partial(calls.follow_lines, deployment_id=one["id"], source=source, grep=grep)
        found = await api.send(lines(limit=limit))
        shown = _print(found["lines"], as_json=as_json, is_list=not follow)
        if not follow:
            return shown
        asked = {"channel": "logs", "deployment_id": one["id"], "source": source, "grep": grep}
        try:
            await _follow(api, {**asked, "cursor": found["cursor"]}, as_json=as_json)
        except live.NoLive as error:
            print(f"slipway: {error} Asking twice a second instead.", file=sys.stderr)
        while True:
            await _sleep(FOLLOW_SECONDS)
            after = found["cursor"]
            found = await api.send(lines(after=after, limit=MOST))
            _print(found["lines"], as_json=as_json, is_list=False)

    if not until_interrupted(look) and not as_json and not follow:
        print(
            "No line yet. A strategy writes them with self.log, or prints them."
            if grep is None
            else f"No line has {grep!r} in it."
        )


def age(since: str | None, now: datetime) -> str:
    if since is None:
        return ""
    seconds = max(0, int((now - _moment(since)).total_seconds()))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def lately(at: str, now: datetime) -> str:
    """The date only if it is another day."""
    moment = _moment(at).astimezone()
    shape = "%H:%M:%S" if moment.date() == now.astimezone().date() else "%d %b %H:%M:%S"
    return moment.strftime(shape)


def lives(row: Row, told: str) -> str:
    return "" if row["observed"] in AT_REST else told


def share(used: float | None, limit: float, shape: str) -> str:
    return "" if used is None else f"{shape.format(used)} {used / limit:.0%}"


WHEN = Column("at", lambda row: lately(row["at"], _now()), whole=True)
WHAT = (
    Column("what", "kind", whole=True),
    Column("launch", lambda row: row["body"].get("generation", ""), right=True, spare=1),
    Column("state", lambda row: row["body"].get("observed", row["body"].get("desired", ""))),
    Column("reason", lambda row: row["body"].get("reason", "")),
)

Order = Callable[[Sequence[Row], Meter], Sequence[Row]]


def _watch(once: bool, mine: bool, as_json: bool, order: Order) -> None:
    meter = Meter()

    async def look(api: Api) -> Sequence[Row]:
        rows = await api.all(calls.list_fleet(everybody=False if mine else None, limit=MOST))
        meter.look(rows)
        return order(rows, meter)

    if as_json or once or not sys.stdout.isatty():
        rows = call(look)
        show.rows(rows, columns(meter, _now()), empty=EMPTY, as_json=as_json)
        return

    async def watch(api: Api) -> int:
        from rich.live import Live

        with Live(auto_refresh=False, screen=True) as screen:
            while True:
                drawn = _drawn(await look(api), meter, screen.console.width)
                screen.update(drawn, refresh=True)
                await _sleep(LOOK_SECONDS)

    until_interrupted(watch)


EMPTY = "No strategy sails yet. `slipway deploy NAME` runs an uploaded strategy."


def _drawn(rows: Sequence[Row], meter: Meter, width: int) -> "Table | str":
    if not rows:
        return EMPTY
    now = _now()
    table = show.table(rows, show.fitting(rows, columns(meter, now), width))
    running = sum(row["observed"] == "running" for row in rows)
    table.title = f"{running} of {len(rows)} running · {now.astimezone():%H:%M:%S} · Ctrl-C ends"
    return table


async def _follow(api: Api, asked: dict[str, Any], *, as_json: bool) -> None:
    from control_plane.infra.clock import RealClock

    async for message in live.follow(api, RealClock(), asked):
        if message["type"] == "lines":
            _print(message["lines"], as_json=as_json, is_list=False)


def _print(lines: Sequence[Row], *, as_json: bool, is_list: bool) -> int:
    if as_json and is_list:
        show.print_json(list(lines))
        return len(lines)
    for line in lines:
        if as_json:
            print(json.dumps(line), flush=True)
            continue
        mark = line["level"] if line["source"] == "author" else "|"
        print(f"{show.clock('at')(line)} {mark:<7} {line['text']}", flush=True)
    return len(lines)


async def _sleep(seconds: float) -> None:
    from control_plane.infra.clock import RealClock

    await RealClock().sleep(seconds)


def _now() -> datetime:
    from control_plane.infra.clock import RealClock

    return RealClock().now()


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _average(row: Row) -> float | None:
    """Since its launch: all that can be said of a young one."""
    if row["cpu_seconds"] is None or not row["started_at"] or not row["beat_at"]:
        return None
    seconds = (_moment(row["beat_at"]) - _moment(row["started_at"])).total_seconds()
    return float(row["cpu_seconds"]) / seconds if seconds > 0 else None


def _lag(row: Row) -> str:
    return "" if row["lag_ms"] is None else f"{row['lag_ms']} ms"


def _cpu(row: Row, meter: Meter) -> str:
    return share(meter.of(row), row["cpus"], "{:.2f}")


def _memory(row: Row) -> str:
    return share(_mb(row), row["memory_mb"], "{:.0f} MB")


def _mb(row: Row) -> float | None:
    return row["memory_bytes"] / MB if row["memory_bytes"] else None
