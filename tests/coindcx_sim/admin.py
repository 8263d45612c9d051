"""How a test in another process drives the venue: `POST /_sim/{command}` with a JSON object."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from decimal import Decimal
from typing import Any

from tests.coindcx_sim.answers import Answer, SimRequest, encoded
from tests.coindcx_sim.build import RICH, WALLETS
from tests.coindcx_sim.clocks import SimTime
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.faults import Fault

Fields = dict[str, Any]


@dataclass
class Admin:
    exchange: Exchange
    time: SimTime

    def answer(self, request: SimRequest) -> Answer:
        commands: dict[str, Callable[[Fields], Any]] = {
            "now": lambda _: {"now_ms": self.time.now_ms()},
            "advance": self.advance,
            "open": self.open,
            "move": self.move,
            "line": self.line,
            "walk": self.walk,
            "past": self.past,
            "script": self.script,
            "seed": self.seed,
            "strike": self.strike,
            "ledger": self.ledger,
            "switches": lambda _: asdict(self.exchange.world.switches),
            "stats": self.stats,
        }
        command = commands.get(request.path.removeprefix("/_sim/"))
        if command is None:
            return Answer(404, encoded({"commands": sorted(commands)}))
        try:
            fields = json.loads(request.body or b"{}", parse_float=Decimal)
            return Answer(200, encoded(command(fields)))
        except (KeyError, ValueError, TypeError) as error:
            return Answer(422, encoded({"error": f"{type(error).__name__}: {error}"}))

    def advance(self, fields: Fields) -> Any:
        """In steps, so that what is scheduled in between happens in its own time."""
        now = self.time.advance(int(fields["by_ms"]))
        self.exchange.advance(now)
        return {"now_ms": now}

    def open(self, fields: Fields) -> Any:
        """Accounts `{prefix}0`… with the secrets `secret-{prefix}0`…"""
        prefix = fields.get("prefix", "key-")
        balances = {k: Decimal(v) for k, v in fields.get("balances", RICH).items()}
        wallets = {k: Decimal(v) for k, v in fields.get("wallets", WALLETS).items()}
        names = [f"{prefix}{n}" for n in range(int(fields.get("count", 1)))]
        for name in names:
            self.exchange.world.open_account(name, f"secret-{name}", dict(balances), dict(wallets))
        return {"opened": len(names)}

    def move(self, fields: Fields) -> Any:
        self.exchange.move(fields["name"], Decimal(fields["price"]), self.time.now_ms())
        return {}

    def line(self, fields: Fields) -> Any:
        line = self.exchange.world.tape.line(fields["name"])
        if "liquidity" in fields:
            line.liquidity = None if fields["liquidity"] is None else Decimal(fields["liquidity"])
        if "funding_rate" in fields:
            line.funding_rate = Decimal(fields["funding_rate"])
        return {"last": line.last, "bid": line.bid, "ask": line.ask}

    def walk(self, fields: Fields) -> Any:
        self.exchange.world.tape.walk(
            fields["name"],
            seed=int(fields.get("seed", 1)),
            from_ms=self.time.now_ms(),
            step_ms=int(fields.get("step_ms", 1000)),
            volatility=float(fields.get("volatility", 0.0005)),
        )
        return {}

    def past(self, fields: Fields) -> Any:
        self.exchange.world.tape.past(
            fields["name"],
            seed=int(fields.get("seed", 1)),
            minutes=int(fields["minutes"]),
            until_ms=self.time.now_ms(),
        )
        return {}

    def script(self, fields: Fields) -> Any:
        self.exchange.faults.script(
            _fault(fields),
            path=fields.get("path", ""),
            key=fields.get("key", ""),
            times=int(fields.get("times", 1)),
            skip=int(fields.get("skip", 0)),
        )
        return {}

    def seed(self, fields: Fields) -> Any:
        chances = {_fault(each): float(each["chance"]) for each in fields["faults"]}
        self.exchange.faults.seed(
            int(fields["seed"]), chances, tuple(fields.get("paths", ("/create",)))
        )
        return {}

    def strike(self, fields: Fields) -> Any:
        self.exchange.strike(fields["key"], _fault(fields), self.time.now_ms())
        return {}

    def ledger(self, fields: Fields) -> Any:
        """What is new since `from`, of the kinds asked for."""
        kinds, since = fields.get("kinds"), int(fields.get("from", 0))
        entries = self.exchange.world.ledger.entries
        return {
            "next": len(entries),
            "entries": [each for each in entries[since:] if kinds is None or each["kind"] in kinds],
        }

    def stats(self, fields: Fields) -> Any:
        return {
            "requests": self.exchange.requests,
            "accounts": len(self.exchange.world.accounts),
            "rate_limited": self.exchange.limits.refused,
            "faults_drawn": self.exchange.faults.drawn,
            "events_lost": self.exchange.outbox.lost,
        }


def _fault(fields: Fields) -> Fault:
    return Fault(fields["fault"], float(fields.get("value", 0)), str(fields.get("detail", "")))
