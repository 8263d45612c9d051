"""What happened, as a list or as it happens."""

import json
import sys
from typing import Annotated, Any

import typer

from control_plane.cli import live, show
from control_plane.cli.session import MOST, Api, AsJson, Limit, call, until_interrupted
from control_plane.cli.show import Column, Row
from control_plane.client import calls, shapes
from control_plane.core.clock import Clock

PANEL = "Trading"
FIELDS = ("number", "at", "kind", "subject_kind", "subject_id", "body")
COLUMNS = (
    Column("number", "number", right=True),
    Column("at", show.clock("at")),
    Column("event", "kind"),
    Column("about", lambda row: f"{row['subject_kind']} {row['subject_id']}"),
)


def add_to(app: typer.Typer) -> None:
    app.command(rich_help_panel=PANEL)(events)


def events(
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as they happen.")] = False,
    kind: Annotated[
        list[str] | None, typer.Option(help="With -f: these kinds only.", show_default=False)
    ] = None,
    after: Annotated[
        int | None, typer.Option(min=0, help="With -f: everything after this number.")
    ] = None,
    limit: Limit = 20,
    as_json: AsJson = False,
) -> None:
    """List what happened, newest first; or follow it, oldest first."""

    async def newest(api: Api) -> list[shapes.EventOut]:
        return await api.rows(calls.list_events(limit=limit))

    async def watch(api: Api) -> None:
        start = after
        if start is None and not kind:
            for row in reversed(await newest(api)):
                _tell(row, as_json)
                start = row["number"]
        await _watch(api, {"channel": "events", "kinds": kind or [], "after": start}, as_json)

    if follow:
        until_interrupted(watch)
    else:
        show.rows(call(newest), COLUMNS, empty="Nothing happened yet.", as_json=as_json)


async def _watch(api: Api, asked: dict[str, Any], as_json: bool) -> None:
    from control_plane.infra.clock import RealClock

    clock = RealClock()
    try:
        async for message in live.follow(api, clock, asked):
            if message["type"] == "missed":
                print(f"slipway: {message['what']}", file=sys.stderr)
            if message["type"] == "event":
                _tell({name: message[name] for name in FIELDS}, as_json)
    except live.NoLive as error:
        print(f"slipway: {error} Asking every second instead.", file=sys.stderr)
        await _poll(api, clock, asked, as_json)


async def _poll(api: Api, clock: Clock, asked: dict[str, Any], as_json: bool) -> None:
    """What is shown twice is told apart by its number; more than a page a second is not shown."""
    last = asked["after"]
    while True:
        rows = await api.rows(calls.list_events(limit=MOST))
        for row in reversed(rows):
            if (
                last is not None
                and row["number"] > last
                and row["kind"] in (asked["kinds"] or [row["kind"]])
            ):
                _tell(row, as_json)
        last = max([last or 0, *(row["number"] for row in rows)])
        await clock.sleep(1.0)


def _tell(row: Row, as_json: bool) -> None:
    if as_json:
        print(json.dumps(dict(row)), flush=True)
        return
    told = " ".join(f"{name}={value}" for name, value in row["body"].items())
    about = f"{row['subject_kind']} {row['subject_id']}"
    print(
        f"{row['number']:>7} {show.clock('at')(row)} {row['kind']:<24} {about} {told}", flush=True
    )
