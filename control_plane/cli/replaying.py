"""`slipway replay`: every decision, candle by candle, as a container makes them."""

import json
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.making import Source
from control_plane.cli.recorded import Voyage, moment, voyage
from control_plane.cli.session import AsJson, call
from control_plane.cli.sharing import sharing
from control_plane.cli.subjects import prepared, refusing, subject_at
from control_plane.errors import Invalid

Folder = Annotated[
    Path | None, typer.Argument(help="A strategy's folder, or its file.", show_default=False)
]


@sharing
def replay(
    source: Source,
    path: Folder = None,
    deployment: Annotated[
        str | None,
        typer.Option(help="A deployment's name or id: decide again all that it decided."),
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Decisions as this command printed them: compare.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Drive it candle by candle, as a container does, and print each decision as JSON.

    With --deployment: what a live container saw, decided here once more, and every decision
    compared.
    """
    if deployment is not None:
        _compare(deployment, as_json)
        return
    if path is None:
        raise Invalid(
            "There is nothing to replay.",
            remedy="Give a strategy's folder, or --deployment NAME for what a container decided.",
        )
    _drive(path, source, against)


def _drive(path: Path, source: Source, against: Path | None) -> None:
    from strategy_runtime.backtest.replaying import decisions

    subject = subject_at(path)
    kind, setting, candles = prepared(subject, source, source.parameters)
    said = _said_before(against)
    different = 0
    for said_now in refusing(lambda: list(decisions(kind, setting, candles))):
        row = json.loads(json.dumps(said_now))  # as it would be read from a file
        if against is None:
            print(json.dumps(row))
            continue
        other = said.pop(row["trigger"], None)
        if other != row:
            different += 1
            print(json.dumps({"trigger": row["trigger"], "recorded": other, "replayed": row}))
    if against is not None:
        different += len(said)
        print(f"{different} decisions differ." if different else "Every decision is the same.")
        if different:
            raise typer.Exit(1)


def _compare(deployment: str, as_json: bool) -> None:
    found = call(lambda api: voyage(api, deployment))
    told = compared(found)
    if as_json:
        show.print_json(told)
    else:
        for row in told["differences"]:
            print(json.dumps(row))
        print(_sentence(told))
        if told["hears_ticks"]:
            print(
                f"{told['ticks']:,} of them were decided on ticks, again at the price that each "
                "signal names: the time and quantity of a tick, and ticks that said nothing, are "
                "not recorded. What depends on those may differ here."
            )
        if found.since is not None:
            print(
                f"It ran another version until {moment(found.since)}: compared from there, as if "
                "it had begun flat and with nothing in self.state."
            )
    if told["differences"] or told["missing"]:
        raise typer.Exit(1)


def compared(found: Voyage) -> dict[str, Any]:
    """Every decision of a deployment beside what its code decides on the same candles."""
    from strategy_runtime.backtest.author import Subject, opened
    from strategy_runtime.backtest.comparing import compare

    one = found.deployment
    subject = Subject(one["name"], Path(), found.code, one["parameters"], found.manifest)
    kind, setting = refusing(
        lambda: opened(subject, instrument=one["instrument"], resolution=one["resolution"])
    )
    setting = msgspec.structs.replace(
        setting, window=found.lookback, resolutions=tuple(one["resolutions"])
    )
    base = found.candles.get(one["resolution"], [])
    further = {name: found.candles.get(name, []) for name in one["resolutions"]}
    result = refusing(lambda: compare(kind, setting, base, further, found.recorded))
    return {
        "deployment": one["id"],
        "name": one["name"],
        "decisions": len(found.recorded),
        "compared": result.compared,
        "ticks": result.ticks,
        "hears_ticks": bool(one["ticks"]),
        "signals": sum(len(said.signals) for said in found.recorded.values()),
        "differences": json.loads(msgspec.json.encode(result.differences)),
        "missing": list(result.missing),
    }


def _sentence(told: dict[str, Any]) -> str:
    if not told["decisions"]:
        return f"{told['name']} has not decided anything yet."
    if told["missing"]:
        return (
            f"The candles of {len(told['missing'])} decisions are not there any more; "
            f"{len(told['differences'])} of the other {told['compared']:,} differ."
        )
    if told["differences"]:
        return f"{len(told['differences'])} of {told['compared']:,} decisions differ."
    return (
        f"Every one of {told['compared']:,} decisions, {told['signals']:,} signals among them, is "
        "the same."
    )


def _said_before(file: Path | None) -> dict[str, Any]:
    if file is None:
        return {}
    try:
        rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line]
        return {str(row["trigger"]): row for row in rows}
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid(
            f"{file} holds no decisions, one JSON object a line.",
            remedy="Write it with `slipway replay STRATEGY > FILE`.",
        ) from error
