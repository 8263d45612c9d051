"""What somebody may hold, all of it: made over the API where there is a route, and written down
where only other roles make it.
"""

from dataclasses import dataclass
from typing import Any
from zlib import compress

from sqlalchemy import Boolean, Float, LargeBinary, insert

from control_plane.infra.db import Database, Money
from control_plane.tables import SCHEMA
from tests.canary import MARK
from tests.fakes.site import CODE
from tests.unit.api.people import Person

TERMS = {"capital": "5000", "capital_currency": "USDT", "risk": "0.01"}
KEY = {"api_key": f"{MARK}-key-of-somebody", "api_secret": f"{MARK} of somebody"}
MOMENT = 1_767_571_200_000


@dataclass(frozen=True)
class Holdings:
    """One of each kind; by the name that a path or a query gives its id."""

    ids: dict[str, str]
    live_account: str
    anothers: frozenset[str] = frozenset()  # what one holds a reference to without owning it

    @property
    def own(self) -> frozenset[str]:
        return frozenset((*self.ids.values(), self.live_account)) - self.anothers


async def author_holdings(db: Database, author: Person) -> Holdings:
    """An author's own strategy, deployed, and followed in an account of their own."""
    version = await made(author, "/strategies", {"name": f"of {author.id}", "code": CODE})
    order = {"strategy": f"of {author.id}", "name": f"night of {author.id}"}
    deployment = await made(author, "/deployments", order)
    signal = f"sg{author.id}"
    told = {"kind": "entry", "action": "LONG", "state": "planned"}
    await put(db, "signal", id=signal, tenant=author.id, deployment_id=deployment["id"], **told)
    await put(db, "plan", signal_id=signal, deployment_id=deployment["id"])
    held = await _followed(db, author, deployment["id"], signal, version["id"])
    ids = {**held.ids, "version_id": version["id"], "name": f"of {author.id}"}
    return Holdings(ids, held.live_account)


async def trader_holdings(db: Database, trader: Person, followed: Holdings) -> Holdings:
    """What a trader holds who follows somebody else's deployment."""
    deployment, signal = followed.ids["deployment_id"], followed.ids["signal_id"]
    held = await _followed(db, trader, deployment, signal)
    return Holdings(held.ids, held.live_account, frozenset({deployment, signal}))


async def _followed(
    db: Database, who: Person, deployment: str, signal: str, version: str = "another's"
) -> Holdings:
    money = {"name": "practice", "currency": "USDT", "amount": "10000"}
    account = (await made(who, "/accounts/paper", money))["id"]
    live = (await made(who, "/accounts/live", {"name": "main"}))["id"]
    assert (await who.ask("PUT", f"/accounts/{live}/key", json=KEY)).status_code == 200
    body = {**TERMS, "deployment_id": deployment, "account_id": account}
    subscription = (await made(who, "/subscriptions", body))["id"]
    token = (await made(who, "/tokens", {"name": "report", "scopes": ["read"]}))["id"]
    here, there = who.session, Person(who.client, who.id, who.email)
    assert (await there.sign_in()).status_code == 200
    assert here != there.session

    intent, order = f"in{who.id}", f"or{who.id}"
    where = {"account_id": account, "subscription_id": subscription, "tenant": who.id}
    where |= {"deployment_id": deployment, "signal_id": signal, "intent_id": intent}
    of_trade = {**where, "trade_id": f"tr{who.id}"}
    await put(db, "intent", **where, id=intent, state="FILLED", leg="entry", kind="limit")
    await put(db, "orders", **where, id=order, state="FILLED")
    await put(db, "fill", **of_trade, order_id=order, exchange_fill_id=f"fi{who.id}")
    await put(db, "trade", **where, id=f"tr{who.id}", entry_intent_id=intent, state="closed")
    await put(db, "skip", **where)
    job = f"jb{who.id}"
    backtest, told = f"bt{who.id}", {"tenant": who.id, "kind": "backtest"}
    await put(db, "job", id=job, subject=backtest, state="queued", reason="", **told)
    nothing = dict.fromkeys(("parameters", "terms", "search", "rules"), "{}")
    await put(db, "backtest", id=backtest, job_id=job, version_id=version, **told, **nothing)
    found = {"job_id": job, "sha256": "", "size": 1, "headline": "{}", "created_ms": MOMENT}
    await put(db, "job_result", body=compress(b"{}"), **found)
    ids = {
        "account_id": account,
        "backtest_id": backtest,
        "deployment_id": deployment,
        "intent_id": intent,
        "job_id": job,
        "order_id": order,
        "session_id": there.session,
        "signal_id": signal,
        "subscription_id": subscription,
        "token_id": token,
        "trade_id": f"tr{who.id}",
    }
    return Holdings(ids, live)


async def made(who: Person, path: str, body: dict[str, Any]) -> dict[str, Any]:
    answer = await who.ask("POST", path, json=body)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


async def put(db: Database, name: str, /, **known: Any) -> None:
    row = row_of(name, **known)
    await db.write(lambda tx: tx.run(insert(SCHEMA.tables[name]), row))


def row_of(name: str, /, **known: Any) -> dict[str, Any]:
    """A row that says what is known; the rest is something of its type, or nothing."""
    row = {column.name: _value(column) for column in SCHEMA.tables[name].columns}
    return row | {key: value for key, value in known.items() if key in row}


def _value(column: Any) -> Any:
    if column.name in {"exchange_order_id", "signed_ms", "explain", "risk", "shared"}:
        return MOMENT if column.name == "signed_ms" else "{}"
    if column.name == "instrument":
        return "spot:B-BTC_USDT"
    if column.nullable:
        return None
    if isinstance(column.type, Boolean):
        return False
    if isinstance(column.type, LargeBinary):
        return b""
    if isinstance(column.type, Money | Float):
        return 1
    if column.type.python_type is int:
        return MOMENT if column.name.endswith("_ms") else 1
    return "{}" if column.name == "detail" else column.name
