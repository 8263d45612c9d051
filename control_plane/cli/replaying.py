"""`slipway replay`: every decision, candle by candle, as a container makes them."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from control_plane.cli.making import (
    Data,
    Days,
    Market,
    Resolution,
    Seed,
    Set,
    Strategy,
    parameters,
)
from control_plane.cli.subjects import prepared, refusing, subject_at
from control_plane.errors import Invalid


def replay(
    path: Strategy,
    data: Data = None,
    simulate: Days = None,
    instrument: Market = None,
    resolution: Resolution = None,
    set_: Set = None,
    seed: Seed = 1,
    against: Annotated[
        Path | None, typer.Option(help="Decisions as this command printed them: compare.")
    ] = None,
) -> None:
    """Drive it candle by candle, as a container does, and print each decision as JSON."""
    from strategy_runtime.backtest.replaying import decisions

    subject = subject_at(path)
    kind, setting, candles = prepared(
        subject, data, simulate, instrument, resolution, parameters(set_), seed
    )
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
