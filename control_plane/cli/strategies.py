"""Strategies: upload, list, look."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import Api, AsJson, ask_all, ask_rows, call
from control_plane.cli.show import Column
from control_plane.client import Call, calls, shapes
from control_plane.errors import Invalid

PANEL = "Strategies"
VERDICT_SECONDS = 120.0
LOOK_SECONDS = 0.3
ON_ITS_WAY = ("waits for its run in the sandbox", "is run in the sandbox")
group = typer.Typer(no_args_is_help=True, help="Upload strategies and look at their versions.")

STRATEGIES = (
    Column("name", "name"),
    Column("versions", "versions", right=True),
    Column("newest", lambda row: row["newest"]["state"]),
    Column("instrument", lambda row: row["newest"]["outline"]["instrument"]),
    Column("resolution", lambda row: row["newest"]["outline"]["resolution"]),
    Column("uploaded", lambda row: show.clock("created_at")(row["newest"])),
)
VERSIONS = (
    Column("number", "number", right=True),
    Column("state", "state"),
    Column("findings", lambda row: len(row["findings"]), right=True),
    Column("uploaded", show.clock("created_at")),
    Column("id", show.short("id", 16)),
)
FINDINGS = (
    Column("line", lambda row: f"{row['line']}:{row['column']}" if row["line"] else "", True),
    Column("severity", "severity"),
    Column("finding", "message"),
    Column("hint", "hint"),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="strategies", rich_help_panel=PANEL)
    app.command(rich_help_panel=PANEL)(upload)


@group.command()
def upload(
    file: Annotated[Path, typer.Argument(help="The strategy's Python file.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Its name; if not given, the file's.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="A JSON file beside the code.")] = None,
    as_json: AsJson = False,
) -> None:
    """Upload a file as a new version and check it."""
    called = name or file.stem
    described = None if manifest is None else read_object(manifest)
    sent = calls.upload_strategy(name=called, code=read_text(file), manifest=described)
    found = call(lambda api: uploaded(api, sent))
    if found["state"] == "failed":
        raise _failed(found)
    said = f"passed its check. Deploy it with `slipway deploy {_quoted(called)}`."
    if found["state"] != "passed":
        said = f"{found['note'] or 'is being checked'}. `slipway strategies report` says more."
    show.one(found, as_json, f"{called} version {found['number']} {said}")


@group.command(name="list")
def list_strategies(as_json: AsJson = False) -> None:
    """List your strategies."""
    found = ask_all(calls.list_strategies())
    show.rows(
        found,
        STRATEGIES,
        empty="No strategy yet. Upload one with `slipway strategies upload FILE`.",
        as_json=as_json,
    )


@group.command()
def versions(
    name: Annotated[str, typer.Argument(help="Its name or id.")], as_json: AsJson = False
) -> None:
    """List the versions of a strategy."""
    found = ask_all(calls.list_versions(name=name))
    show.rows(found, VERSIONS, empty="No version yet.", as_json=as_json)


@group.command()
def report(
    name: Annotated[str, typer.Argument(help="Its name or id.")], as_json: AsJson = False
) -> None:
    """Show what checking found in the newest version."""
    (found,) = ask_rows(calls.list_versions(name=name, limit=1))
    if as_json:
        show.print_json(found)
        return
    print(f"Version {found['number']}: {found['state']}")
    show.rows(found["findings"], FINDINGS, empty="Nothing was found.")


@group.command(name="check")
def check_again(
    name: Annotated[str, typer.Argument(help="Its name or id.")], as_json: AsJson = False
) -> None:
    """Check its newest version anew, as on its upload."""

    async def again(api: Api) -> shapes.VersionOut:
        (newest,) = await api.rows(calls.list_versions(name=name, limit=1))
        found = await api.send(calls.check_version_again(version_id=newest["id"]))
        return await checked(api, found)

    found = call(again)
    if found["state"] == "failed":
        raise _failed(found)
    show.one(found, as_json, f"Version {found['number']}: {found['note'] or found['state']}.")


async def uploaded(api: Api, sent: Call[shapes.VersionOut]) -> shapes.VersionOut:
    """The version once its check has ended, or as it stands when one has waited long enough."""
    return await checked(api, await api.send(sent))


async def checked(api: Api, version: shapes.VersionOut) -> shapes.VersionOut:
    from control_plane.infra.clock import RealClock

    clock = RealClock()
    deadline = clock.monotonic() + VERDICT_SECONDS
    while version["state"] in ("pending", "checking") and clock.monotonic() < deadline:
        await clock.sleep(LOOK_SECONDS)
        version = await api.send(calls.get_version(version_id=version["id"]))
        if version["note"] not in ("", *ON_ITS_WAY):
            break  # only a person can change that
    return version


def _failed(version: shapes.VersionOut) -> Invalid:
    error = next(one for one in version["findings"] if one["severity"] == "error")
    where = f"line {error['line']}: " if error["line"] else ""
    return Invalid(
        f"It did not pass its check: {where}{error['message']}",
        field="code",
        remedy=error["hint"] or "Correct it and upload it again.",
    )


def read_text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise Invalid(f"There is no file {str(file)!r}.", remedy="Check its path.") from error
    except UnicodeDecodeError as error:
        raise Invalid(f"{file} is no UTF-8 text.", remedy="Save it as UTF-8.") from error


def read_object(file: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_text(file))
    except ValueError as error:
        raise Invalid(f"{file} is no JSON: {error}.", remedy="It holds one JSON object.") from error
    if not isinstance(found, dict):
        raise Invalid(f"{file} is no JSON object.", remedy="Put the values in braces.")
    return found


def _quoted(name: str) -> str:
    return f'"{name}"' if " " in name else name
