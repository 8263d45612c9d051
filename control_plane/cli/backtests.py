"""Backtests and searches on the platform: asked for here, run in its sandbox, kept there."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer

from control_plane.cli import show
from control_plane.cli.making import Market, Money, Resolution, Seed, Set, parameters
from control_plane.cli.session import (
    Api,
    AsJson,
    Limit,
    ask,
    ask_rows,
    call,
    find_backtest,
)
from control_plane.cli.sharing import sharing
from control_plane.cli.show import Column
from control_plane.client import Call, calls, shapes
from control_plane.errors import Invalid

PANEL = "Strategies"
group = typer.Typer(
    no_args_is_help=True, help="Backtests and searches on the platform: run, list, compare."
)

LOOK_SECONDS = 0.5
OVER = ("done", "failed", "cancelled")

Name = Annotated[str, typer.Argument(help="A strategy's name, or a version's id.")]
Which = Annotated[str, typer.Argument(help="Its id or name.", show_default=False)]
From = Annotated[str | None, typer.Option("--from", help="Such as 2026-01-01T00:00:00Z.")]
To = Annotated[str | None, typer.Option("--to", help="If not given, now.")]
DaysBack = Annotated[int | None, typer.Option("--days", min=1, help="The last so many.")]
NoWait = Annotated[bool, typer.Option("--no-wait", help="Do not wait for its end.")]
Method = Literal["grid", "random", "optuna"]
Goal = Literal[
    "sharpe", "sortino", "calmar", "total_return", "profit_factor", "expectancy", "win_rate"
]


def _metric(name: str, digits: str = ".2f") -> Any:
    def of(row: show.Row) -> str:
        found = (row["headline"] or {}).get("metrics", {}).get(name)
        return "–" if found is None else format(found, digits)

    return of


BACKTESTS = (
    Column("id", "id", whole=True),
    Column("name", "name"),
    Column("kind", "kind"),
    Column("state", lambda row: row["state"] + (f": {row['reason']}" if row["reason"] else "")),
    Column("done", lambda row: f"{row['progress']:.0%}", right=True),
    Column("return", _metric("total_return", ".2%"), right=True),
    Column("drawdown", _metric("max_drawdown", ".2%"), right=True),
    Column("sharpe", _metric("sharpe"), right=True),
    Column("trades", _metric("trades", "d"), right=True),
    Column("asked", show.clock("created_at")),
)


def add_to(app: typer.Typer) -> None:
    app.add_typer(group, name="backtests", rich_help_panel=PANEL)


@dataclass(frozen=True)
class Wish:
    """What is to be run on the platform, over which of its candles."""

    strategy: Name
    instrument: Market = None
    resolution: Resolution = None
    since: From = None
    until: To = None
    days: DaysBack = None
    set_: Set = None
    name: Annotated[str | None, typer.Option(help="To find it again.")] = None
    seconds: Annotated[int | None, typer.Option(min=1, help="The longest that it may take.")] = None
    html: Annotated[Path | None, typer.Option(help="Write its report here.")] = None
    no_wait: NoWait = False
    as_json: AsJson = False

    def carry_out(
        self,
        money: Money,
        parameters: dict[str, Any] | None = None,
        search: shapes.Search | None = None,
    ) -> None:
        """Ask for it, wait for it, and say what came of it."""
        asked = calls.ask_backtest(
            strategy=self.strategy,
            name=self.name,
            instrument=self.instrument,
            resolution=self.resolution,
            since=self.since,
            until=self.until,
            days=self.days,
            seconds=self.seconds,
            parameters=parameters or {},
            terms=cast("shapes.Terms", money.said()),
            search=search,
        )
        found = call(lambda api: _ended(api, asked, self.no_wait, quiet=self.as_json))
        _tell(found, self.as_json)
        if self.html is not None and found["state"] == "done":
            _save(found["id"], self.html)


@group.command()
@sharing
def run(wish: Wish, money: Money) -> None:
    """Backtest an uploaded strategy on the platform's own candles."""
    wish.carry_out(money, parameters=_typed(wish.set_))


@group.command()
@sharing
def search(
    wish: Wish,
    money: Money,
    method: Annotated[Method, typer.Option(help="How points are chosen.")] = "grid",
    goal: Annotated[Goal, typer.Option(help="What is best.")] = "sharpe",
    trials: Annotated[int, typer.Option(min=1, max=20_000, help="Points to try.")] = 200,
    steps: Annotated[
        int | None, typer.Option(min=2, max=1_000, help="Values of a parameter.")
    ] = None,
    unseen: Annotated[
        float, typer.Option(min=0.05, max=0.9, help="Share of the candles kept for afterwards.")
    ] = 0.3,
    folds: Annotated[int, typer.Option(min=0, max=50, help="Parts of a walk forward.")] = 0,
    least_trades: Annotated[int, typer.Option(min=1, help="Fewer count for nothing.")] = 5,
    seed: Seed = 1,
) -> None:
    """Search for parameters on the platform. -p fast=3:30:3 says what is searched."""
    asked: shapes.Search = {
        "method": method,
        "goal": goal,
        "trials": trials,
        "unseen": unseen,
        "folds": folds,
        "least_trades": least_trades,
        "seed": seed,
        "ranges": parameters(wish.set_),
    }
    wish.carry_out(money, search=asked if steps is None else {**asked, "steps": steps})


@group.command(name="list")
def list_backtests(limit: Limit = 20, as_json: AsJson = False) -> None:
    """List them, newest first."""
    found = ask_rows(calls.list_backtests(limit=limit))
    show.rows(
        found,
        BACKTESTS,
        empty="No backtest yet. Ask for one with `slipway backtests run STRATEGY`.",
        as_json=as_json,
    )


@group.command(name="show")
def show_one(backtest: Which, as_json: AsJson = False) -> None:
    """Show one: how far it is, and what came of it."""
    _tell(call(lambda api: find_backtest(api, backtest)), as_json)


@group.command()
def compare(
    backtests: Annotated[list[str], typer.Argument(help="Ids, up to 20.")],
    as_json: AsJson = False,
) -> None:
    """Show some side by side."""
    found = ask(calls.compare_backtests(ids=",".join(backtests)))["items"]
    show.rows(found, BACKTESTS, empty="", as_json=as_json)


@group.command()
def report(
    backtest: Which,
    out: Annotated[Path, typer.Option("--out", "-o", help="The file.")] = Path("report.html"),
    as_json: AsJson = False,
) -> None:
    """Write its report into one HTML file that works offline; a search's shows its map, too."""
    found = call(lambda api: find_backtest(api, backtest))
    _save(found["id"], out)
    show.one({"id": found["id"], "file": str(out)}, as_json, f"Open {out} in a browser.")


@group.command()
def cancel(backtest: Which, as_json: AsJson = False) -> None:
    """End one, whether it waits or runs."""

    async def end(api: Api) -> shapes.BacktestOut:
        found = await find_backtest(api, backtest)
        return await api.send(calls.cancel_backtest(backtest_id=found["id"]))

    show.one(call(end), as_json, "Cancelled.")


# ---- asking ------------------------------------------------------------------------------------


def _typed(texts: list[str] | None) -> dict[str, Any]:
    """Numbers as numbers; what a parameter takes, the platform says."""
    import json

    found: dict[str, Any] = {}
    for name, text in parameters(texts).items():
        try:
            found[name] = json.loads(text)
        except ValueError:
            found[name] = text
    return found


async def _ended(
    api: Api, asked: Call[shapes.BacktestOut], no_wait: bool, *, quiet: bool
) -> shapes.BacktestOut:
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    from control_plane.infra.clock import RealClock

    found = await api.send(asked)
    clock = RealClock()
    console = Console(stderr=True, quiet=quiet or not sys.stderr.isatty())
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:.0f} %"))
    with Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task(found["name"], total=1.0)
        while found["state"] not in OVER and not no_wait:
            await clock.sleep(LOOK_SECONDS)
            found = await api.send(calls.get_backtest(backtest_id=found["id"]))
            said = found["said"] or found["reason"] or found["state"]
            bar.update(task, completed=found["progress"], description=said)
    return found


def _tell(found: shapes.BacktestOut, as_json: bool) -> None:
    if as_json:
        show.print_json(found)
        return
    if found["state"] == "failed":
        raise Invalid(f"{found['name']} failed: {found['reason'].rstrip('.')}.")
    if found["headline"] is None:
        print(f"{found['id']}: {found['state']}. `slipway backtests show` says how far it is.")
        return
    if found["kind"] == "optimise":
        _tell_search(found)
        return
    show.rows([found], BACKTESTS, empty="")
    for remark in found["headline"]["remarks"]:
        print(f"  ! {remark['text']}")


def _tell_search(found: shapes.BacktestOut) -> None:
    headline = found["headline"] or {}
    best = headline["best"]
    print(f"{found['name']}: {headline['tried']} points tried for {headline['goal']}.")
    if best is not None:
        words = " ".join(f"-p {name}={value}" for name, value in best["point"].items())
        print(f"  best: {words}  ({best['total_return']:.2%}, {best['trades']} trades)")
    for remark in headline["remarks"]:
        print(f"  ! {remark}")


def _save(backtest: str, out: Path) -> None:
    found = ask(calls.get_backtest_report(backtest_id=backtest))
    out.write_text(found["html"], encoding="utf-8")
