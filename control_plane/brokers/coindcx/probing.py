"""What can be found out about the venue by harmless questions: nothing here places, changes or ends
anything.

Each finding answers one of the open questions, and says which setting it bears on. What only an
order could answer is listed, with how to try it by hand.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import TypeVar

from control_plane.brokers.coindcx import futures, public, spot
from control_plane.brokers.coindcx.calls import Call
from control_plane.brokers.coindcx.client import Client
from control_plane.brokers.coindcx.outcomes import Accepted, Doubt, Outcome, Refused, Unknown
from control_plane.brokers.coindcx.wire import Credentials
from control_plane.core.clock import Clock, ms
from control_plane.core.ids import Rng, random_id
from control_plane.infra.net import Reply, Unreachable

T = TypeVar("T")

OFFSETS = (0, -10, 10, -30, 30, -60, 60, -300, 300)  # seconds, the cheapest answers first
APART_SECONDS = 0.5  # far below every limit
LARGE_PAGE = 1_000


@dataclass(frozen=True)
class Finding:
    number: str  # of the open question
    question: str
    answer: str
    setting: str = ""


# What an order alone can answer.
BY_HAND: tuple[Finding, ...] = (
    Finding(
        "4", "How is a client order id refused the second time?", "place a far-off limit twice"
    ),
    Finding("5", "Is `balance` what is free?", "read, place, read", "BALANCE_INCLUDES_LOCKED"),
    Finding("6", "Does spot take stop_limit?", "one far-off stop", "SPOT_STOP_ORDERS"),
    Finding("7", "Does cancel_by_ids answer for each?", "one open and one unknown id"),
    Finding("8", "Which host carries spot's private events?", "watch the log after one order"),
    Finding("9", "Can an `init` order be cancelled?", "place far off, cancel at once"),
    Finding("11", "What does the INR book refuse?", "the smallest order", "INLINE_STOPS"),
    Finding("12", "Does a withdrawn key look like a wrong one?", "withdraw a test key"),
)


@dataclass(frozen=True)
class Prober:
    client: Client
    clock: Clock
    rng: Rng
    credentials: Credentials | None = None

    async def run(self) -> AsyncIterator[Finding]:
        yield await self._catalogue()
        yield await self._contracts()
        yield await self._conversion()
        if self.credentials is None:
            return
        key = self.credentials
        yield await self._window(key)
        yield await self._headers(key)
        yield await self._unknown_order(key)
        yield await self._page(key)

    async def _catalogue(self) -> Finding:
        outcome = await self.client.look(public.markets_details())
        question = "Is every market's rule understood?"
        if not isinstance(outcome, Accepted):
            return Finding("–", question, _said(outcome))
        markets, odd = outcome.value
        told = f"{len(markets)} are" + (f", {len(odd)} are not: {odd[0]}" if odd else "")
        return Finding("–", question, told)

    async def _contracts(self) -> Finding:
        found = []
        for book in ("USDT", "INR"):
            outcome = await self.client.look(public.active_instruments(book))
            told = f"{len(outcome.value)}" if isinstance(outcome, Accepted) else _said(outcome)
            found.append(f"{book} {told}")
        return Finding("–", "How many contracts are in each margin book?", ", ".join(found))

    async def _conversion(self) -> Finding:
        outcome = await self.client.look(public.conversions())
        question = "At what price is margin converted?"
        if not isinstance(outcome, Accepted):
            return Finding("–", question, _said(outcome))
        told = ", ".join(f"{each.symbol} {each.price:f}" for each in outcome.value)
        return Finding("–", question, told or "none is told")

    async def _window(self, key: Credentials) -> Finding:
        """Reads alone are asked; orders may be treated otherwise, which futures' docs say."""
        taken: list[str] = []
        refused: list[str] = []
        for offset in OFFSETS:
            outcome = await self._asked(spot.balances(), key, offset)
            if isinstance(outcome, Accepted):
                taken.append(f"{offset:+d} s")
            else:
                refused.append(f"{offset:+d} s ({_said(outcome)})")
        told = f"taken: {', '.join(taken) or 'none'}; not: {', '.join(refused) or 'none'}"
        settings = "WINDOW_SECONDS, TIMESTAMP_ENFORCED"
        return Finding("1", "How old may a signed request be?", told, settings)

    async def _headers(self, key: Credentials) -> Finding:
        question = "Do signed answers tell a rate limit?"
        reply = await self._reply(spot.balances(), key)
        if reply is None:
            return Finding("2", question, "no answer", "PER_SECOND, PER_MINUTE")
        found = {k: v for k, v in sorted(reply.headers.items()) if k.startswith("ratelimit")}
        told = ", ".join(f"{name}: {value}" for name, value in found.items())
        return Finding("2", question, told or "no such header", "PER_SECOND, PER_MINUTE")

    async def _unknown_order(self, key: Credentials) -> Finding:
        call = spot.status(client_order_id=random_id("probe", self.rng))
        outcome = await self._asked(call, key)
        question = "How is an unknown order answered?"
        return Finding("3", question, _said(outcome), "TRUST_TEXTS")

    async def _page(self, key: Credentials) -> Finding:
        """Whether a page may be large, and whether both sides can be asked at once."""
        large = await self._asked(futures.orders("buy", size=LARGE_PAGE), key)
        both = await self._asked(_without_side(futures.orders("buy")), key)
        told = f"size {LARGE_PAGE}: {_counted(large)}; no side: {_counted(both)}"
        return Finding("10", "How long is a page of futures orders, is `side` needed?", told)

    async def _asked(self, call: Call[T], key: Credentials, offset_seconds: int = 0) -> Outcome[T]:
        await self.clock.sleep(APART_SECONDS)
        signed_ms = ms(self.clock.now()) + offset_seconds * 1000
        return await self.client.ask(call, key, signed_ms)

    async def _reply(self, call: Call[T], key: Credentials) -> Reply | None:
        await self.clock.sleep(APART_SECONDS)
        request = self.client.request(call, key, ms(self.clock.now()))
        try:
            return await self.client.net.send(request)
        except Unreachable:
            return None


def _without_side(call: Call[T]) -> Call[T]:
    return replace(call, fields={k: v for k, v in call.fields.items() if k != "side"})


def _counted(outcome: Outcome[list[T]]) -> str:
    return f"{len(outcome.value)} rows" if isinstance(outcome, Accepted) else _said(outcome)


def _said(outcome: Outcome[T]) -> str:
    match outcome:
        case Accepted():
            return "accepted"
        case Refused():
            return f"{outcome.status} {outcome.message!r}"
        case Unknown(doubt=Doubt.NO_ANSWER):
            return outcome.detail
        case Unknown():
            return f"{outcome.status}, not understood: {outcome.detail}"
