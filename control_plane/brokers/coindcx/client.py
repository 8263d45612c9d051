"""Asks the venue once and says what came of it.

Building a request is pure (`request`), judging its answer is pure (`outcome`); between them lies
one `Net.send` with a deadline over the whole of it. Nothing here repeats a request, for whatever
reason: a repeat is a decision of the order's own state machine.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from control_plane.brokers import replies
from control_plane.brokers.coindcx.calls import Call, NotOurs
from control_plane.brokers.coindcx.outcomes import Doubt, Outcome, Unknown, judge
from control_plane.brokers.coindcx.sight import Sight
from control_plane.brokers.coindcx.skew import Skew
from control_plane.brokers.coindcx.wire import Credentials, body_of, headers, query
from control_plane.infra.net import Net, Reply, Request, Unreachable

T = TypeVar("T")


@dataclass(frozen=True)
class Hosts:
    api: str = "https://api.coindcx.com"
    public: str = "https://public.coindcx.com"


@dataclass(frozen=True)
class Client:
    net: Net
    hosts: Hosts = Hosts()
    deadline_seconds: float = 4.0
    trust_texts: bool = False  # believe a refusal in words that nobody has documented
    skew: Skew | None = None
    sight: Sight | None = None

    async def ask(self, call: Call[T], credentials: Credentials, signed_ms: int) -> Outcome[T]:
        """Send it signed with that timestamp, which is the one written down before."""
        return await self.send(call, self.request(call, credentials, signed_ms))

    async def look(self, call: Call[T]) -> Outcome[T]:
        """A public question."""
        return await self.send(call, self.open_request(call))

    def request(self, call: Call[T], credentials: Credentials, signed_ms: int) -> Request:
        if not call.private:
            raise ValueError(f"{call.path} is public: no signature belongs there")
        body = body_of({"timestamp": signed_ms, **call.fields})
        return self._made(call, headers(credentials, body), body)

    def open_request(self, call: Call[T]) -> Request:
        if call.private:
            raise ValueError(f"{call.path} is private: it has to be signed")
        return self._made(call, {"Accept": "application/json"}, b"")

    async def send(self, call: Call[T], request: Request) -> Outcome[T]:
        sent_ms = 0 if self.skew is None else self.skew.now_ms()
        try:
            async with asyncio.timeout(self.deadline_seconds):
                reply = await self.net.send(request)
        except (Unreachable, TimeoutError) as error:
            if self.sight is not None:
                self.sight.missed()
            return Unknown(Doubt.NO_ANSWER, str(error) or "no answer in time")
        if self.sight is not None:
            self.sight.heard()
        if self.skew is not None and call.private:  # a cache may answer what is public
            self.skew.heard(reply.headers.get("date"), sent_ms)
        if call.private:
            replies.tell(call.method, call.path, reply.status, reply.body)
        return self.outcome(call, reply)

    def outcome(self, call: Call[T], reply: Reply) -> Outcome[T]:
        try:
            return judge(
                reply,
                call.read,
                call.reply_limit,
                places=call.places,
                trust_texts=self.trust_texts,
            )
        except NotOurs as error:
            return Unknown(Doubt.NOT_OURS, str(error), reply.status)

    def _made(self, call: Call[T], head: Mapping[str, str], body: bytes) -> Request:
        host = self.hosts.api if call.host == "api" else self.hosts.public
        return Request(
            call.method,
            f"{host}{call.path}{query(call.query)}",
            head,
            body,
            timeout_seconds=self.deadline_seconds,
            max_reply_bytes=call.reply_limit,
        )
