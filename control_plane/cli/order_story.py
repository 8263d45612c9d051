"""What became of one order, and when: `slipway orders explain`, `slipway signals show`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from control_plane.cli import show
from control_plane.cli.session import AsJson, ask
from control_plane.cli.show import Column
from control_plane.client import calls

Intent = Annotated[str, typer.Argument(help="An intent's id.", show_default=False)]
Signal = Annotated[str, typer.Argument(help="A signal's id.", show_default=False)]

STEPS = (
    Column("at", show.clock("at")),
    Column("step", "step"),
    Column("after", lambda row: "" if row["after"] is None else f"{row['after']} ms", right=True),
)
WHAT = (Column("what", "name"), Column("value", "value"))
LIVED = (
    Column("ms", "at_ms", right=True),
    Column("what", "what"),
    Column("state", "state"),
    Column("why", "reason"),
)
MOMENTS = (
    "published", "decided", "accepted", "planned", "first_sent", "last_sent",
    "first_acknowledged", "last_acknowledged", "last_protected",
)  # fmt: skip


def explain(
    intent: Intent,
    to: Annotated[Path | None, typer.Option(help="Write all of it to this file, as JSON.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show all that led to an intent and came of it."""
    found = ask(calls.intent_story(intent_id=intent))
    if to is not None:
        to.write_text(show.as_json(found))
        print(f"Written to {to}.")
        return
    if as_json:
        show.print_json(found)
        return
    _tell(found)


def resolve(
    intent: Intent,
    found: Annotated[str | None, typer.Option(help="The exchange's id of the order.")] = None,
    absent: Annotated[bool, typer.Option("--absent", help="There is no such order.")] = False,
) -> None:
    """Say what became of a quarantined order, after you have looked at the exchange."""
    if (found is None) != absent:
        raise typer.BadParameter("Say either --found ID or --absent.")
    ask(calls.resolve_intent(intent_id=intent, exchange_order_id=found))
    print(f"Asked: {intent} {'does not exist' if absent else f'is {found}'}.")


def show_signal(signal: Signal, as_json: AsJson = False) -> None:
    """Show when each step of a signal happened."""

    said = ask(calls.get_signal(signal_id=signal))
    times: Any = ask(calls.signal_timeline(signal_id=signal))
    if as_json:
        show.print_json({"signal": said, "timeline": times})
        return
    print(f"{said['action']} {said['instrument']} at {said['price']} on {said['trigger']}")
    print(f"{times['intents']} intents, {times['skips']} skips")
    rows: list[dict[str, Any]] = []
    before: Any = None
    for name in MOMENTS:
        at = times[name]
        if at is None:
            continue
        step = name.replace("_", " ")
        rows.append({"at": at, "step": step, "after": show.milliseconds_between(before, at)})
        before = at
    show.rows(rows, STEPS, empty="Nothing happened yet.")


show_signal.__name__ = "show"


def _tell(found: Any) -> None:
    intent = found["intent"]
    print(f"{intent['leg']} {intent['side']} {intent['quantity']} {intent['instrument']}")
    cause = found["cause"]
    if cause is not None:
        said, code = cause["signal"], cause["code"] or {}
        print(f"because {said['action']} was signalled on {said['trigger']} ({said['id']})")
        print(f"by code {code.get('code_sha256', '?')} in image {code.get('image') or '?'}")
    for title, record in (("sizing", intent["explain"]), ("risk", intent["risk"] or {})):
        print(f"\n{title}")
        rows = [{"name": name, "value": value} for name, value in record.items()]
        show.rows(rows, WHAT, empty="No record.")
    for order in found["orders"]:
        print(f"\norder {order['id']}, attempt {order['attempt']}")
        both = {**order["request"], **{f"reply.{k}": v for k, v in order["reply"].items()}}
        show.rows([{"name": k, "value": v} for k, v in both.items()], WHAT, empty="")
    for answer in found.get("exchanges", ()):
        print(f"\n{answer['asked']}: {answer['method']} {answer['path']} → {answer['status']}")
        print(show.as_json(answer["body"]))
    print("\nsteps")
    show.rows(found["steps"], LIVED, empty="None.")
    for fill in found["fills"]:
        print(f"filled {fill['quantity']} at {fill['price']}, fee {fill['fee']}")
    trade = found["trade"]
    if trade is not None:
        print(f"trade {trade['id']} is {trade['state']}, profit {trade['pnl'] or 'open'}")
