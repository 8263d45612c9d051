"""`slipway optimise`: a search over a strategy's parameters, and what is left of it unseen."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import msgspec
import typer

from control_plane.cli import show
from control_plane.cli.making import Money, Source, Strategy
from control_plane.cli.pool import scoring
from control_plane.cli.session import AsJson
from control_plane.cli.sharing import sharing
from control_plane.cli.show import Column, Row
from control_plane.cli.subjects import prepared, refusing, subject_at

if TYPE_CHECKING:
    from strategy_runtime.backtest.author import Candles, Subject
    from strategy_runtime.backtest.search.space import Space
    from strategy_runtime.backtest.search.walk import Found, Plan
    from strategy_runtime.backtest.terms import Terms
    from strategy_runtime.engine.engine import Setting

Method = Literal["grid", "random", "optuna"]
Goal = Literal[
    "sharpe", "sortino", "calmar", "total_return", "profit_factor", "expectancy", "win_rate"
]
SHOWN = 10


@sharing
def optimise(
    path: Strategy,
    source: Source,
    money: Money,
    method: Annotated[Method, typer.Option(help="How points are chosen.")] = "grid",
    goal: Annotated[Goal, typer.Option(help="What is best.")] = "sharpe",
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="Points to try.")] = 200,
    steps: Annotated[
        int | None, typer.Option(min=2, max=1_000, help="Values of a parameter.")
    ] = None,
    unseen: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the candles kept for afterwards.")
    ] = 0.3,
    folds: Annotated[
        int, typer.Option(min=0, max=50, help="Parts of a walk forward; 0 is none.")
    ] = 0,
    least_trades: Annotated[int, typer.Option(min=1, help="Fewer count for nothing.")] = 5,
    jobs: Annotated[
        int | None, typer.Option(min=1, help="Processes; every core if unsaid.")
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write the best point's report here.")] = None,
    save: Annotated[bool, typer.Option(help="Put the best into parameters.json.")] = False,
    as_json: AsJson = False,
) -> None:
    """Search for parameters within their bounds, and try the best on candles not searched on.

    -p fast=3:30:3 and -p mode=a,b say what is searched; -p fast=10 holds it.
    """
    subject = subject_at(path)
    kind, setting, candles, space = _ready(subject, source, method, steps, trials)
    from strategy_runtime.backtest.search.telling import summary
    from strategy_runtime.backtest.search.walk import Plan

    plan = Plan(space, method, trials, source.seed, unseen, folds)
    terms = money.terms()
    found = _searched(
        subject, setting, candles, terms, plan, goal, least_trades, jobs, quiet=as_json
    )
    told = summary(found, space, subject.name)
    if html is not None and found.chosen is not None:
        _write(kind, setting, candles, terms, subject, found.chosen, told, html, source.seed)
    if save and found.chosen is not None:
        told["saved"] = str(_save(subject, found.chosen))
    if as_json:
        show.print_json(told)
    else:
        _print(told, space.names)


def _ready(
    subject: "Subject", source: Source, method: Method, steps: int | None, trials: int
) -> "tuple[Any, Setting, Candles, Space]":
    from strategy_runtime.backtest import author
    from strategy_runtime.backtest.search.proposing import space_for

    kind, setting, candles = prepared(subject, source, {})
    given = source.parameters

    space, fixed = refusing(lambda: space_for(kind, given, method, trials=trials, steps=steps))
    values = {**setting.parameters, **author.typed(kind, fixed)}
    kept = {name: value for name, value in values.items() if name not in space.names}
    return kind, msgspec.structs.replace(setting, parameters=kept), candles, space


def _searched(
    subject: "Subject",
    setting: "Setting",
    candles: "Candles",
    terms: "Terms",
    plan: "Plan",
    goal: Goal,
    least_trades: int,
    jobs: int | None,
    *,
    quiet: bool,
) -> "Found":
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.search.walk import search, work

    listing = BY_ID.get(setting.instrument)
    rules = None if listing is None else listing.instrument
    recipe = (subject.code, setting, candles, terms, rules, goal, least_trades)
    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    count = len(candles.bars)
    with (
        scoring(recipe, jobs or os.cpu_count() or 1) as score,
        Progress(*columns, console=console, transient=True) as bar,
    ):
        task = bar.add_task(subject.name, total=work(plan, count))
        return refusing(
            lambda: search(plan, count, score, goal, lambda done: bar.advance(task, done))
        )


def _write(
    kind: Any,
    setting: "Setting",
    candles: "Candles",
    terms: "Terms",
    subject: "Subject",
    chosen: dict[str, Any],
    told: dict[str, Any],
    file: Path,
    seed: int,
) -> None:
    from control_plane.market.models.catalogue import BY_ID
    from strategy_runtime.backtest.report import html
    from strategy_runtime.backtest.run import backtest

    listing = BY_ID.get(setting.instrument)
    result = backtest(
        kind,
        msgspec.structs.replace(setting, parameters={**setting.parameters, **chosen}),
        candles.bars,
        terms=terms,
        instrument=None if listing is None else listing.instrument,
        further=candles.further,
        finer=candles.finer,
    )
    search = {key: value for key, value in told.items() if key != "trials"}
    file.write_text(html(result, subject.name, seed=seed, search=search), encoding="utf-8")


def _save(subject: "Subject", chosen: dict[str, Any]) -> Path:
    file = subject.path.parent / "parameters.json"
    text = json.dumps({**subject.parameters, **chosen}, indent=2)
    file.write_text(f"{text}\n", encoding="utf-8")
    return file


def _print(told: dict[str, Any], names: tuple[str, ...]) -> None:
    goal = told["goal"]
    columns = [
        *(Column(name, _value_of(name), right=True) for name in names),
        Column(goal.replace("_", " "), lambda row: _figure(row["seen"]["score"]), right=True),
        Column("return", lambda row: f"{row['seen']['total_return']:.2%}", right=True),
        Column("trades", lambda row: row["seen"]["trades"], right=True),
        Column("unseen", lambda row: _figure(row["unseen"]["score"]), right=True),
        Column("return unseen", lambda row: f"{row['unseen']['total_return']:.2%}", right=True),
    ]
    show.rows(told["top"][:SHOWN], columns, empty="No point could be scored.")
    for remark in told["remarks"]:
        print(f"  ! {remark}")
    if told["best"] is not None:
        words = " ".join(f"-p {name}={value}" for name, value in told["best"]["point"].items())
        print(f"  Backtest it with {words}.")


def _value_of(name: str) -> Callable[[Row], Any]:
    return lambda row: row["seen"]["point"][name]


def _figure(value: float | None) -> str:
    return "–" if value is None else f"{value:,.2f}"
