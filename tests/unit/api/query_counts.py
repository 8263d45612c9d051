"""How many questions to the database each list of the API costs, with one row and with many."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from sqlalchemy import Table, UniqueConstraint, event, insert, select
from sqlalchemy.exc import IntegrityError

from control_plane.infra.db import Database, Tx
from control_plane.infra.http_edge import PREFIX
from control_plane.market import store as market
from control_plane.market.models.catalogue import LISTINGS
from control_plane.tables import SCHEMA
from strategy_runtime.rules.instruments import Instrument
from tests.fakes.site import CODE, World
from tests.unit.api.holdings import author_holdings, made
from tests.unit.api.people import Person, signed_in

MORE = 40
# One name for many is refused; a strategy has a version, and a backtest its job.
ALONE = {"instrument", "strategy", "backtest", "job"}
# Who is asking, whether that still stands, and the list: no route needs more questions than this.
MOST = 12
PARAMS = {"/candles": {"instrument": "spot:B-BTC_USDT", "resolution": "1m"}}
Costs = dict[str, tuple[int, int]]  # of each list: its rows, and its questions

WITH = {"subscription": {"account_id"}}  # each in an account of its own
FIXED = {"tenant", "kind", "leg"}  # whose it is, and words of a list
MULTIPLIED = {
    "account", "api_token", "deployment", "event", "fill", "intent", "orders", "session", "signal",
    "skip", "subscription", "trade",
}  # fmt: skip


def lists(world: World) -> Iterator[str]:
    for path, verbs in world.app.openapi()["paths"].items():
        answer = verbs.get("get", {}).get("responses", {}).get("200", {}).get("content", {})
        schema = answer.get("application/json", {}).get("schema", {})
        if "/Items_" in schema.get("$ref", "") and "{" not in path:
            yield path.removeprefix(PREFIX)


@contextmanager
def counting(db: Database) -> Iterator[list[str]]:
    asked: list[str] = []

    def note(_c: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        asked.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield asked
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


async def counts(db: Database, who: Person, paths: list[str]) -> Costs:
    """For each list: how many rows it has, and how many statements they took."""
    found = {}
    for path in paths:
        with counting(db) as asked:
            answer = await who.ask("GET", path, params=PARAMS.get(path, {}))
        assert answer.status_code == 200, f"{path}: {answer.text}"
        found[path] = len(answer.json()["items"]), len(asked)
    return found


async def compared(db: Database, owner: Database, world: World) -> tuple[Costs, Costs]:
    """What each list costs with one row, and with many. `owner` may write anybody's rows."""
    author = await signed_in(world, "ann", "admin")
    await author_holdings(owner, author)
    paths = list(lists(world))
    await counts(db, author, paths)  # what is asked once and remembered
    one = await counts(db, author, paths)
    assert await owner.write(_multiply) >= MULTIPLIED
    await owner.write(market.list_instruments, _more_instruments(), "simulated")
    for number in range(6):
        await made(author, "/strategies", {"name": f"more {number}", "code": CODE})
    many = await counts(db, author, paths)
    assert sum(rows > 20 for rows, _ in many.values()) >= 10
    return one, many


def questions(found: Costs) -> dict[str, int]:
    return {path: asked for path, (_, asked) in found.items()}


def _more_instruments() -> list[Instrument]:
    listed = [one.instrument for one in LISTINGS]
    like = listed[0]
    return listed + [
        replace(like, id=f"spot:B-X{n}_USDT", pair=f"B-X{n}_USDT", base=f"X{n}")
        for n in range(MORE)
    ]


def _multiply(tx: Tx) -> set[str]:
    """Forty more rows like the first one of each table that bears it."""
    done = set()
    for table in SCHEMA.sorted_tables:
        first = tx.first(select(table))
        if first is None or table.name in ALONE:
            continue
        own = _telling_apart(table) | WITH.get(table.name, set())
        try:
            with tx.connection.begin_nested():
                for number in range(MORE):
                    row = dict(first._mapping)
                    row |= {name: _other(row[name], number) for name in own}
                    tx.run(insert(table), row)
        except IntegrityError:
            continue
        done.add(table.name)
    return done


def _telling_apart(table: Table) -> set[str]:
    unique = [one for one in table.constraints if isinstance(one, UniqueConstraint)]
    columns = {column for one in unique for column in one.columns}
    columns |= {column for index in table.indexes if index.unique for column in index.columns}
    columns |= set(table.primary_key.columns)
    return {
        column.name for column in columns if not column.foreign_keys and column.name not in FIXED
    }


def _other(value: Any, number: int) -> Any:
    if isinstance(value, str):
        return f"{value}-{number}"
    return None if value is None else value + 1_000 + number
