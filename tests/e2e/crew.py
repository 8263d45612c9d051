"""Two trading processes on one PostgreSQL and one Redis, and the simulated exchange over HTTP: real
ones, which die, stand still and fail where a test says, while a strategy goes on deciding.

What a strategy's container says comes from the test, frame by frame over Redis; everything after
that is the product. All operational times are at a twentieth.
"""

import asyncio
import itertools
import shutil
import signal
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from redis.asyncio import Redis
from sqlalchemy import Engine, create_engine, text, update
from sqlalchemy.engine import make_url

from control_plane.core.ids import SHARDS, DeploymentId, shard_of
from control_plane.deployments.store.tables import deployments
from control_plane.infra import db, keyring
from control_plane.infra.clock import RealClock
from control_plane.infra.db import Tx
from strategy_runtime.wire import messages
from tests.coindcx_sim.process import Served
from tests.conftest import wait_until
from tests.fakes import launches
from tests.fakes.container import FakeContainer, container
from tests.fakes.harbour import Harbour
from tests.unit.orders.desk import add_row

SCALE = 0.05
LEASE_SECONDS = 15 * SCALE
PROTECT_SECONDS = 10 * SCALE
PERPETUAL = "fut:B-BTC_USDT"
ACCOUNTS = 4
MINUTE = 60_000
TERMINAL = "('DENIED','FILLED','CANCELLED','REJECTED','EXPIRED','ABANDONED','QUARANTINED')"


def _settings(venue: Served, database_url: str, redis_url: str) -> dict[str, str]:
    return {
        "SLIPWAY_DATABASE_URL": database_url,
        "SLIPWAY_REDIS_URL": redis_url,
        "SLIPWAY_TIME_SCALE": f"{SCALE}",
        "SLIPWAY_MARKET__FEEDS": "coindcx",
        "SLIPWAY_COINDCX__API_URL": venue.url,
        "SLIPWAY_COINDCX__PUBLIC_URL": venue.url,
        "SLIPWAY_COINDCX__STREAM_URL": venue.sockets["stream"],
        "SLIPWAY_COINDCX__SPOT_STREAM_URL": venue.sockets["spot"],
        "SLIPWAY_COINDCX__WINDOW_SECONDS": f"{10 * SCALE}",
        "SLIPWAY_COINDCX__PER_SECOND": "10000",
        "SLIPWAY_COINDCX__PER_MINUTE": "100000",
    }


def upper(prefix: str) -> str:
    """An id in the half of the shards that falls to whoever comes second."""
    names = (f"{prefix}{number}" for number in itertools.count())
    return next(name for name in names if shard_of(name) >= SHARDS // 2)


@dataclass
class Crew:
    """`shore` serves the API and the market; `mate` always trades; the `hand` trades beside it and
    is what tests kill, stop and break.
    """

    folder: Path
    venue: Served
    database_url: str
    redis_url: str
    shore: Harbour
    mate: Harbour
    hand: Harbour
    rows: Engine
    deployment: str
    keys: list[str] = field(default_factory=list)
    cycles: int = 0

    def ask(self, query: str) -> list[Any]:
        with self.rows.connect() as connection:
            return list(connection.execute(text(query)))

    # ---- the hand --------------------------------------------------------------------------------

    def sign_on(self, failpoints: str = "") -> None:
        self.hand.settings["SLIPWAY_FAILPOINTS"] = failpoints
        self.hand.start()

    @property
    def is_dead(self) -> bool:
        return self.hand.process is not None and self.hand.process.poll() is not None

    @property
    def stands_still(self) -> bool:
        assert self.hand.process is not None
        stat = Path(f"/proc/{self.hand.process.pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "T"

    def raised(self) -> set[str]:
        """The points at which it failed, by its own log."""
        said = self.hand.log.read_text(errors="replace")
        return {name for name in said.split("FailpointRaised: ")[1:] for name in [_word(name)]}

    async def wake(self) -> None:
        """After whoever else there is took over what the sleeper had."""
        await asyncio.sleep(2 * LEASE_SECONDS)
        assert self.hand.process is not None
        self.hand.process.send_signal(signal.SIGCONT)
        await asyncio.sleep(1.0)

    def holders(self) -> int:
        query = (
            "SELECT count(DISTINCT holder) FROM lease WHERE role = 'trading'"
            " AND expires_ms > extract(epoch FROM clock_timestamp()) * 1000"
        )
        return int(self.ask(query)[0][0])

    # ---- the strategy ----------------------------------------------------------------------------

    async def trade(self, strategy: FakeContainer) -> None:
        """In, and out again once that is safe, for ever; each account has a trouble of its own."""
        for n in itertools.count(1, 2):
            await self._lift()
            self._trouble()
            price = Decimal(str(self.venue.admin("line", name="B-BTC_USDT")["last"]))
            stop = (price * Decimal("0.97")).quantize(Decimal("0.1"))
            await self._decide(strategy, n, messages.Signal("LONG", price, stop, None))
            await self._settled("entry", 4.0)
            await self._decide(strategy, n + 1, messages.Signal("EXIT_LONG", price, None, None))
            await self._settled("exit", 4.0)
            self.cycles += 1

    async def _decide(self, strategy: FakeContainer, n: int, said: messages.Signal) -> None:
        now = int(time.time() * 1000)
        trigger = f"1m:{self.first_trigger + n * MINUTE}"
        more = {"published_ms": now, "decided_ms": now}
        await strategy.decide(n, trigger, said, **more)
        while n not in strategy.acknowledged:
            await strategy.say_bytes(strategy.said[n])
            await asyncio.sleep(0.1)

    async def _lift(self) -> None:
        """Of so many refused orders the venue is halted: here a person always lifts that."""
        for (scope,) in self.ask("SELECT scope FROM halt WHERE active"):
            await self.shore.call("POST", "/halts/lift", {"scope": scope})

    def _trouble(self) -> None:
        for key, fault, more in (
            (self.keys[0], "drop_sl_silently", {}),
            (self.keys[1], "partial_fill", {"value": 0.4}),
            (self.keys[2], "accept_then_500", {}),
        ):
            self.venue.admin("script", fault=fault, path="/create", key=key, **more)

    async def _settled(self, leg: str, seconds: float) -> None:
        """Until nothing of this leg is under way, or for a while: trouble may last longer."""
        query = f"SELECT count(*) FROM intent WHERE leg = '{leg}' AND state NOT IN {TERMINAL}"
        naked = "SELECT count(*) FROM trade WHERE state = 'unprotected'"
        planned = "SELECT count(*) FROM signal WHERE state = 'accepted'"
        until = time.monotonic() + seconds
        await asyncio.sleep(0.1)
        while time.monotonic() < until:
            if not any(self.ask(each)[0][0] for each in (planned, query, naked)):
                return
            await asyncio.sleep(0.05)

    first_trigger: int = 0

    # ---- the end ---------------------------------------------------------------------------------

    async def calm(self, strategy: FakeContainer) -> None:
        """Out, and wait until nothing is under way."""
        n = max(strategy.said, default=0) + 1
        price = Decimal(str(self.venue.admin("line", name="B-BTC_USDT")["last"]))
        await self._decide(strategy, n, messages.Signal("EXIT_LONG", price, None, None))
        left = (
            f"SELECT leg, state, reason FROM intent WHERE state NOT IN {TERMINAL}"  # ours
            " UNION ALL SELECT 'trade', state, id FROM trade WHERE state <> 'closed'"
            " UNION ALL SELECT 'signal', state, id FROM signal WHERE state = 'accepted'"
        )
        try:
            await wait_until(lambda: not self.ask(left), 30, "the end of all that is under way")
            await wait_until(lambda: not self.ask("SELECT 1 FROM alarm"), 30, "the end of alarms")
        except AssertionError as error:
            raise AssertionError(f"{error}: {self.ask(left)}") from error

    def judge(self) -> list[str]:
        """0 lost, 0 duplicate, 0 phantom, from our rows and the exchange's own ledger."""
        wrong: list[str] = []
        ledger = self.venue.admin("ledger")["entries"]
        orders = self.ask(
            "SELECT o.account_id, o.exchange_order_id, o.state, i.leg, i.id FROM orders o"
            " JOIN intent i ON i.id = o.intent_id WHERE o.exchange_order_id IS NOT NULL"
        )
        bound = {row.exchange_order_id: row for row in orders}
        entries: Counter[str] = Counter()
        accepted = set()
        for each in ledger:
            if each["kind"] == "order_accepted":
                accepted.add(str(each["order_id"]))
                row = bound.get(str(each["order_id"]))
                is_positions = not each["quantity"]  # its stop, its target, its exit
                if row is None and not each["foreign"] and not is_positions:
                    wrong.append(f"lost: the exchange's order {each} is in no row of ours")
                elif row is not None and row.leg == "entry":
                    entries[row.id] += 1
        wrong += [f"duplicate: entry {one} has {n} orders" for one, n in entries.items() if n > 1]
        wrong += [
            f"phantom: {row.id} is {row.state} and not at the exchange"
            for row in orders
            if row.leg == "entry"
            and row.state in ("OPEN", "PARTIAL", "FILLED")
            and row.exchange_order_id not in accepted
        ]
        net: dict[Any, Decimal] = defaultdict(Decimal)
        filled = {row[0] for row in self.ask("SELECT exchange_fill_id FROM fill")}
        for each in ledger:
            if each["kind"] == "fill":
                sign = 1 if each["side"] == "buy" else -1
                net[each["account"]] += sign * Decimal(str(each["quantity"]))
                if not any(str(each["fill_id"]) in one for one in filled):
                    wrong.append(
                        f"lost: the exchange's fill {each['fill_id']} is in no row of ours"
                    )
        wrong += [f"{account} still holds {held}" for account, held in net.items() if held]
        wrong += [
            f"undecided: {row}"
            for row in self.ask(
                "SELECT s.id, b.id FROM signal s CROSS JOIN subscription b"
                " WHERE s.state = 'planned' AND NOT EXISTS"
                " (SELECT 1 FROM intent i WHERE i.signal_id = s.id"
                " AND i.subscription_id = b.id) AND NOT EXISTS (SELECT 1 FROM skip k"
                " WHERE k.signal_id = s.id AND k.subscription_id = b.id)"
            )
        ]
        # What two loaded cores were slow to read may look amiss for a moment, at a twentieth of the
        # time: what the live check found must be over, and nothing else may have gone wrong. That
        # a strategy which goes in and out within a second is halted for its rush is right.
        for query in (
            "SELECT * FROM alarm",
            "SELECT * FROM event WHERE kind = 'incident' AND subject_kind <> 'invariant'"
            """ AND body NOT LIKE '%"rule":"rush"%'""",
        ):
            wrong += [f"incident: {row}" for row in self.ask(query)]
        return wrong

    def longest_naked(self) -> float:
        """Seconds from a position's first fill to its stop, or to its way out."""
        found = self.ask(
            "SELECT t.id, min(e.at_ms) - t.opened_ms FROM trade t JOIN event e"
            " ON e.subject_id = t.id"
            " AND e.kind IN ('trade_protected', 'trade_exiting', 'trade_closed')"
            " GROUP BY t.id, t.opened_ms"
        )
        return max((float(row[1]) for row in found), default=0.0) / 1000

    def end(self) -> None:
        for one in (self.hand, self.mate, self.shore):
            if one.process is not None and one.process.poll() is None:
                one.kill()
        self.rows.dispose()


def _word(said: str) -> str:
    return said.split("\\n")[0].split('"')[0].split("\n")[0].strip()


@asynccontextmanager
async def crew(
    folder: Path, venue: Served, database_url: str, redis_url: str
) -> AsyncIterator[tuple[Crew, FakeContainer]]:
    settings = _settings(venue, database_url, redis_url)
    shore = Harbour(folder / "shore", settings={**settings, "SLIPWAY_ROLES": "api,market"})
    trading = {**settings, "SLIPWAY_ROLES": "trading"}
    mate = Harbour(folder / "mate", settings=dict(trading))
    hand = Harbour(folder / "hand", settings=dict(trading))
    rows = create_engine(make_url(database_url).set(drivername="postgresql+psycopg"))
    made = Crew(folder, venue, database_url, redis_url, shore, mate, hand, rows, upper("dp"))
    client = Redis.from_url(redis_url, protocol=3)
    try:
        _share_keys(shore, mate, hand)
        shore.start()
        await shore.ready()
        await _open(made)
        mate.start()
        await wait_until(lambda: made.holders() == 1, 30, "the mate's leases")
        async with container(client, made.deployment) as strategy:
            hello = asyncio.create_task(strategy.hello())
            await hello
            yield made, strategy
    finally:
        made.end()
        await client.aclose()


def _share_keys(*harbours: Harbour) -> None:
    """Whoever seals and whoever opens have the same ring."""
    from control_plane.infra.rng import SystemRng

    first, *others = harbours
    for one in harbours:
        one.data_dir.mkdir(parents=True, mode=0o700)
    keyring.ensure(first.data_dir, SystemRng())
    for one in others:
        for name in (keyring.FILE, keyring.PUBLIC_FILE):
            shutil.copy(first.data_dir / name, one.data_dir / name)


async def _open(made: Crew) -> None:
    listed = f"SELECT 1 FROM instrument WHERE id = '{PERPETUAL}' AND active"  # ours
    await wait_until(lambda: made.ask(listed), 30, "the exchange's contract")
    accounts: list[str] = []
    for number in itertools.count():
        if len(accounts) == ACCOUNTS:
            break
        body = {"name": f"a{number}", "home_currency": "USDT"}
        account = (await made.shore.call("POST", "/accounts/live", body))["id"]
        if shard_of(account) < SHARDS // 2:
            continue
        key = f"key-of-{len(accounts)}"
        made.venue.admin("open", prefix=f"{key}-")
        made.keys.append(f"{key}-0")
        secret = {"api_key": f"{key}-0", "api_secret": f"secret-{key}-0"}
        await made.shore.call("PUT", f"/accounts/{account}/key", secret)
        accounts.append(account)
    tenant = made.ask("SELECT tenant FROM account LIMIT 1")[0][0]
    opened = db.connect(made.database_url, RealClock())
    try:
        await opened.write(_follow, made, tenant, accounts)
    finally:
        opened.close()


def _follow(tx: Tx, made: Crew, tenant: str, accounts: list[str]) -> None:
    made.first_trigger = (tx.now_ms() // MINUTE - 10_000) * MINUTE
    launches.deployed(tx, made.deployment, tenant=tenant, instrument=PERPETUAL)
    launches.launched(tx, made.deployment)
    # It took over long ago: what it decides lies in the past, one minute after the other.
    started = {"active_generation": 1, "active_from": f"1m:{made.first_trigger}"}
    tx.run(update(deployments).where(deployments.c.id == made.deployment).values(**started))
    for number, account in enumerate(accounts):
        terms = {
            "id": f"su{number}",
            "tenant": tenant,
            "shard": int(shard_of(account)),
            "account_id": account,
            "deployment_id": DeploymentId(made.deployment),
            "instrument": PERPETUAL,
            "margin_currency": "USDT",
            "capital": Decimal(5_000 + 100 * number),
            "capital_currency": "USDT",
            "risk": Decimal("0.01"),
            "leverage": Decimal(3),
            "sizing": "fixed_risk",
            "slippage": Decimal("0.003"),
            "max_age_seconds": 60,
            "state": "active",
            "created_ms": 1,
        }
        add_row(tx, "subscription", terms)
