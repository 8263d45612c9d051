"""`slipway push`, `diff` and `revert`: an author's folder and the versions that a Slipway has."""

import json
from difflib import unified_diff
from typing import TYPE_CHECKING, Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.checking import checked
from control_plane.cli.making import FINDINGS, Strategy
from control_plane.cli.session import Api, AsJson, call
from control_plane.cli.subjects import subject_at
from control_plane.client import calls, shapes
from control_plane.errors import Invalid, Missing

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Subject

LOOK_SECONDS = 0.5
CHECK_SECONDS = 300.0  # of the platform's own check

Name = Annotated[str | None, typer.Option(help="Its name there; if not given, the folder's.")]
Number = Annotated[int | None, typer.Option("--version", help="If not given, the newest.")]


def push(
    path: Strategy,
    name: Name = None,
    check: Annotated[
        bool, typer.Option("--check/--no-check", help="Check it here first: it is faster.")
    ] = True,
    as_json: AsJson = False,
) -> None:
    """Upload a folder as a new version of its strategy; the platform checks it again."""
    subject = subject_at(path)
    called = name or subject.name

    async def upload(api: Api) -> dict[str, Any]:
        before = await _versions(api, called)
        if check:
            await _refuse_bad(subject)
        sent = calls.upload_strategy(name=called, code=subject.code, manifest=manifest_of(subject))
        made = await _settled(api, await api.send(sent))
        return {**made, "name": called, "is_new": all(made["id"] != one["id"] for one in before)}

    found = call(upload)
    if found["state"] == "failed":
        show.rows(found["findings"], FINDINGS, empty="Nothing was found.", as_json=as_json)
        raise typer.Exit(1)
    what = "passed its check" if found["is_new"] else "is what is there already"
    show.one(
        found,
        as_json,
        f"{called} version {found['number']} {what}. Run it with `slipway deploy {called}`, or "
        f"give it to a deployment with `slipway change DEPLOYMENT --version {called}`.",
    )


def diff(
    path: Strategy, name: Name = None, version: Number = None, as_json: AsJson = False
) -> None:
    """Show how a folder differs from an uploaded version."""
    subject = subject_at(path)
    called = name or subject.name
    theirs = call(lambda api: _version(api, called, version))
    before = f"{called} version {theirs['number']}"
    rows = [
        *_compared(theirs["code"], subject.code, before, str(subject.path)),
        *_compared(
            _text(theirs["manifest"]), _text(manifest_of(subject)), f"{before}, manifest", "here"
        ),
    ]
    if as_json:
        show.print_json(
            {"name": called, "number": theirs["number"], "same": not rows, "diff": rows}
        )
    else:
        print("\n".join(rows) if rows else f"{before} is what is here.")


def revert(
    path: Strategy,
    version: Annotated[int, typer.Option("--version", help="Which to go back to.")],
    name: Name = None,
    force: Annotated[
        bool, typer.Option("--force", help="Give up changes that were never uploaded.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Put an uploaded version back into a folder. Deployments stay: `rollback` is for those."""
    subject = subject_at(path)
    called = name or subject.name

    async def find_both(api: Api) -> shapes.VersionDetail:
        for one in await _versions(api, called):
            full = await api.send(calls.get_version(version_id=one["id"]))
            if full["code"] == subject.code:
                break
        else:
            if not force:
                raise Invalid(
                    f"{subject.path} has changes that no version of {called} has.",
                    field="--force",
                    remedy="`slipway push` keeps them; --force gives them up.",
                )
        return await _version(api, called, version)

    theirs = call(find_both)
    files = _put_back(subject, theirs)
    show.one(
        {"name": called, "number": theirs["number"], "files": files},
        as_json,
        f"{', '.join(files)} are those of version {theirs['number']} again. "
        "`slipway push` uploads nothing for it: that version is there.",
    )


def manifest_of(subject: "Subject") -> dict[str, Any]:
    """What goes up beside the code: the parameters that were chosen here are its defaults there."""
    if not subject.parameters:
        return dict(subject.manifest)
    custom = subject.manifest.get("custom_params")
    given = custom if isinstance(custom, dict) else {}
    return {**subject.manifest, "custom_params": {**given, **subject.parameters}}


def _put_back(subject: "Subject", theirs: shapes.VersionDetail) -> list[str]:
    folder, files = subject.path.parent, [subject.path]
    subject.path.write_text(theirs["code"], encoding="utf-8")
    custom = theirs["manifest"].get("custom_params")
    if (folder / "parameters.json").is_file() and isinstance(custom, dict):
        files.append(folder / "parameters.json")
        files[-1].write_text(_text(custom) + "\n", encoding="utf-8")
    if (folder / "manifest.json").is_file():
        files.append(folder / "manifest.json")
        files[-1].write_text(_text(theirs["manifest"]) + "\n", encoding="utf-8")
    return [str(file) for file in files]


async def _refuse_bad(subject: "Subject") -> None:
    errors = [row for row in await checked(subject) if row["severity"] == "error"]
    if errors:
        first = errors[0]
        where = f"line {first['line']}: " if first["line"] else ""
        raise Invalid(
            f"{subject.path} does not pass its check: {where}{first['message']}",
            remedy=f"{first['hint']} `slipway check {subject.path}` tells all of it.".strip(),
        )


async def _versions(api: Api, name: str) -> list[shapes.VersionOut]:
    """Newest first; none if there is no such strategy yet."""
    known = await api.all(calls.list_strategies())
    if all(name not in (one["name"], one["id"]) for one in known):
        return []
    return await api.all(calls.list_versions(name=name))


async def _version(api: Api, name: str, number: int | None) -> shapes.VersionDetail:
    found = await _versions(api, name)
    if not found:
        raise Missing(
            f"There is no strategy {name!r} there.", remedy="Upload it first: `slipway push`."
        )
    wanted = [one for one in found if number in (None, one["number"])]
    if not wanted:
        numbers = ", ".join(str(one["number"]) for one in reversed(found))
        raise Missing(
            f"{name} has no version {number}.", field="--version", remedy=f"It has {numbers}."
        )
    return await api.send(calls.get_version(version_id=wanted[0]["id"]))


async def _settled(api: Api, version: shapes.VersionOut) -> shapes.VersionOut:
    """The version once the platform has checked it."""
    from control_plane.infra.clock import RealClock

    clock = RealClock()
    waited = 0.0
    while version["state"] in ("pending", "checking"):
        if waited > CHECK_SECONDS:
            raise Invalid(
                f"Version {version['number']} is still being checked.",
                remedy="`slipway strategies versions NAME` says when it has passed.",
            )
        await clock.sleep(LOOK_SECONDS)
        waited += LOOK_SECONDS
        version = await api.send(calls.get_version(version_id=version["id"]))
    return version


def _compared(before: str, after: str, one: str, other: str) -> list[str]:
    return list(unified_diff(before.splitlines(), after.splitlines(), one, other, lineterm=""))


def _text(values: Any) -> str:
    return json.dumps(values, indent=2, sort_keys=True)
