"""The venue as a function of requests and time: `handle(request, now_ms)`.

The order of checks is the reference's: route, JSON, signature over the raw bytes, timestamp, rate,
then whatever the route itself refuses. No IO, no clock of its own, no randomness but a seed's.
"""

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qsl

from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.answers import (
    HTML,
    Answer,
    Late,
    Refusal,
    SimRequest,
    encoded,
    not_found,
)
from tests.coindcx_sim.calls import SimCall
from tests.coindcx_sim.faults import ACCOUNT, BEFORE, EVENTS, Fault, Faults
from tests.coindcx_sim.limits import Limits
from tests.coindcx_sim.outbox import Outbox
from tests.coindcx_sim.routes import Routes
from tests.coindcx_sim.strikes import Strikes
from tests.coindcx_sim.tape import Moved
from tests.coindcx_sim.world import World

SECONDS_BELOW = 10**11


@dataclass
class Exchange:
    world: World
    routes: Routes
    strikes: Strikes
    outbox: Outbox
    faults: Faults = field(default_factory=Faults)
    limits: Limits = field(default_factory=Limits)
    requests: int = 0
    on_move: list[Moved] = field(default_factory=list)

    def handle(self, request: SimRequest, now_ms: int) -> Answer | Late:
        self.world.timers.advance(now_ms)
        self.requests += 1
        fault = self.faults.pick(request.path, request.key, now_ms)
        if fault is not None and fault.name in BEFORE:
            return self._before(request, fault, now_ms)
        return self.arrive(request, now_ms, fault)

    def arrive(self, request: SimRequest, now_ms: int, fault: Fault | None = None) -> Answer:
        """The request is here, at last perhaps."""
        self.world.timers.advance(now_ms)
        if fault is not None and fault.name in ACCOUNT and request.key in self.world.accounts:
            self.strikes.strike(self.world.accounts[request.key], fault)
        if fault is not None and fault.name in EVENTS:
            self.outbox.trouble(request.key, fault, now_ms)
        try:
            answer = Answer(200, self._answered(request, fault))
        except Refusal as refusal:
            answer = Answer(refusal.status, encoded(refusal.body) if str(refusal) else b"")
        self.world.timers.advance(now_ms)
        answer.headers["x-request-id"] = f"{self.requests:032x}"
        answer.headers["date"] = formatdate(self.world.now_ms / 1000, usegmt=True)
        return _after(answer, fault) if fault is not None else answer

    def strike(self, key: str, fault: Fault, now_ms: int) -> None:
        self.world.timers.advance(now_ms)
        self.strikes.strike(self.world.accounts[key], fault)

    def advance(self, now_ms: int) -> None:
        self.world.timers.advance(now_ms)

    def move(self, name: str, price: Decimal, now_ms: int) -> None:
        self.world.timers.advance(now_ms)
        self.world.tape.move(name, price, now_ms)

    def _answered(self, request: SimRequest, fault: Fault | None) -> bytes:
        open_route = self.routes.public(request.method, request.path)
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if open_route is not None:
            return encoded(open_route(query), as_text=self._as_text)
        route = self.routes.private.get((request.method, request.path))
        if route is None:
            raise not_found()
        fields = _document(request.body)
        account = self._whose(request)
        self._fresh(fields)
        self._within_limits(request)
        if self.world.ledger.keep_requests:
            self.world.ledger.record(
                "request",
                self.world.timers.now_ms,
                account.key,
                path=request.path,
                address=request.address,
            )
        return self._run(route, SimCall(account, fields, query, fault))

    def _run(self, route: Callable[[SimCall], Any], call: SimCall) -> bytes:
        return encoded(route(call), as_text=self._as_text)

    @property
    def _as_text(self) -> bool:
        return self.world.switches.numbers == "text"

    def _whose(self, request: SimRequest) -> Account:
        account = self.world.accounts.get(request.key)
        code = "BFF-AUTH-001" if request.path.endswith("/orders/create") else ""
        if not request.key and request.path.endswith("/orders/status"):
            raise Refusal(401, "You are not logged in")
        if account is None:
            raise Refusal(401, "Invalid credentials", code)
        expected = hmac.digest(account.secret, request.body, "sha256").hex()
        if not hmac.compare_digest(expected, request.signature):
            raise Refusal(401, "Invalid credentials", code)
        return account

    def _fresh(self, fields: dict[str, Any]) -> None:
        stamp = fields.get("timestamp")
        window = self.world.switches.window_ms
        if (
            isinstance(stamp, int)
            and not isinstance(stamp, bool)
            and stamp >= SECONDS_BELOW
            and abs(self.world.now_ms - stamp) <= window
        ):
            return
        raise self._stale()

    def _stale(self) -> Refusal:
        named = self.world.switches.stale_reads == "timestamp"
        return Refusal(401, "Invalid timestamp" if named else "Invalid credentials")

    def _within_limits(self, request: SimRequest) -> None:
        if not self.world.switches.limits_on:
            return
        by_key = self.world.switches.limits_by == "key"
        who = request.key if by_key else request.address
        if not self.limits.allows(who, request.path, self.world.timers.now_ms):
            raise Refusal(429, "Too Many Requests")

    def _before(self, request: SimRequest, fault: Fault, now_ms: int) -> Answer | Late:
        match fault.name:
            case "lose_request":
                return Answer(0, b"", fate="hung")
            case "delay_request":
                return Late(request, now_ms + int(fault.value * 1000))
            case "429":
                refusal = Refusal(429, "Too Many Requests")
            case "503_window":
                refusal = Refusal(503, "Service Unavailable")
            case "401":
                refusal = Refusal(401, "Invalid credentials")
            case _:
                refusal = self._stale()
        return Answer(refusal.status, encoded(refusal.body))


def _document(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body or b"{}", parse_float=Decimal)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise Refusal(400, "bad_request")
    return found


def _after(answer: Answer, fault: Fault) -> Answer:
    match fault.name:
        case "accept_then_500" | "accept_then_503" | "accept_then_429":
            status = int(fault.name[-3:])
            answer.status = status
            answer.body = (
                b"" if status == 500 else encoded(Refusal(status, "Too Many Requests").body)
            )
        case "accept_then_hang" | "lose_reply":
            answer.fate = "hung"
        case "accept_then_reset":
            answer.fate = "reset"
        case "accept_then_html_502":
            answer.status = int(fault.detail or 502)
            answer.body, answer.content_type = HTML, "text/html"
        case "delay_reply":
            answer.delay_ms = int(fault.value * 1000)
        case "empty_list":
            answer.body = b'{"orders":[]}' if answer.body.startswith(b"{") else b"[]"
        case "bad_json":
            answer.body = answer.body[: len(answer.body) // 2]
        case _:
            pass
    return answer
