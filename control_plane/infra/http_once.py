"""`Idempotency-Key` on its way through: asked for before a handler runs, noted by the handler's own
transactions, kept with the answer before that leaves.

A refusal of the request's shape, of its caller or of its pace is not kept: nothing had begun. Nor
is a 5xx: what failed may be tried again with the same key.
"""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from loguru import logger
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.core.ids import Rng, Tenant
from control_plane.errors import Invalid, Unavailable
from control_plane.infra import idempotency
from control_plane.infra.db import RIDER, Database, Tx
from control_plane.infra.http_edge import SAFE
from control_plane.infra.idempotency import Answer, Attempt

HEADER = "Idempotency-Key"
REPLAYED = "Idempotency-Replayed"
SHAPE = re.compile(r"[\x21-\x7e]{16,100}")
NOT_KEPT = {401, 403, 408, 413, 429}


class BadKey(Invalid):
    pass


class Replayed(Exception):
    """It was answered before, and this is how."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.answer = answer


@dataclass
class Keyed:
    """A request with a key, from its first byte to its answer."""

    db: Database
    rng: Rng
    key: str
    body: Any = field(default_factory=sha256)
    attempt: Attempt | None = None
    shown: type[BaseModel] | None = None  # what its handler answers with; None is nothing
    status: int = 200
    is_forgotten: bool = False

    async def begin(self, request: Request, tenant: Tenant) -> None:
        """Raises how it was answered before, or why it cannot be carried out now."""
        if not SHAPE.fullmatch(self.key):
            raise BadKey(
                f"{HEADER} has 16 to 100 visible ASCII characters.",
                field=HEADER,
                remedy="Send a random one for each request, such as a UUID.",
            )
        if _reads_no_body(request):
            await request.body()
        asked = (request.method, request.url.path, request.url.query, self.body.hexdigest())
        fingerprint = sha256("\0".join(asked).encode()).hexdigest()
        trying = idempotency.attempt(tenant, self.key, fingerprint, self.rng)
        before = await self.db.write(idempotency.begin, trying)
        if before is not None:
            raise Replayed(before)
        route = request.scope["route"]
        self.shown, self.status = route.response_model, route.status_code or 200
        self.attempt = trying

    @contextmanager
    def riding(self) -> Iterator[None]:
        """With each transaction of the handler goes a note of it."""
        token = RIDER.set(self._note)
        try:
            yield
        finally:
            RIDER.reset(token)

    async def finish(self, answer: Answer) -> None:
        if self.attempt is None:
            return
        try:
            if answer.status < 500 and answer.status not in NOT_KEPT:
                await self.db.write(idempotency.finish, self.attempt, answer)
            else:
                await self.db.write(idempotency.release, self.attempt)
        except Unavailable as error:
            # The caller hears it all the same; whoever repeats it hears what was foreseen.
            logger.warning("answer_not_kept", error=error.what)

    async def give_up(self) -> None:
        if self.attempt is not None:
            await self.db.write(idempotency.release, self.attempt)

    def forget(self) -> None:
        """Its shape is refused: nothing has begun, and the key is free for a better one."""
        self.is_forgotten = True

    def _note(self, tx: Tx, result: Any) -> None:
        if self.attempt is not None:
            idempotency.note(tx, self.attempt, self._foreseen(result))

    def _foreseen(self, result: Any) -> Answer | None:
        """What the handler will say, if what its transaction came to is what it shows."""
        if self.shown is None:
            return None if result is False else Answer(self.status, [], b"")
        try:
            shown = self.shown.model_validate(result)
        except ValidationError:
            return None
        body = shown.model_dump_json(by_alias=True).encode()
        return Answer(self.status, [("content-type", "application/json")], body)


@dataclass
class Once:
    app: ASGIApp
    db: Database
    rng: Rng
    prefix: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        key = self._key(scope)
        if key is None:
            await self.app(scope, receive, send)
            return

        keyed = scope["slipway.keyed"] = Keyed(self.db, self.rng, key)
        held: list[Message] = []

        async def hear() -> Message:
            message = await receive()
            keyed.body.update(message.get("body", b""))
            return message

        async def hold(message: Message) -> None:
            held.append(message)

        try:
            with keyed.riding():
                await self.app(scope, hear, hold)
        except Exception:
            await keyed.give_up()
            raise
        await (keyed.give_up() if keyed.is_forgotten else keyed.finish(_answer(held)))
        for message in held:
            await send(message)

    def _key(self, scope: Scope) -> str | None:
        if scope["type"] != "http" or scope["method"] in SAFE:
            return None
        if not scope["path"].startswith(self.prefix):
            return None
        return Headers(scope=scope).get(HEADER)


async def begin_once(request: Request, tenant: Tenant) -> None:
    """Of every route for somebody we know, once it is known who asks."""
    keyed: Keyed | None = request.scope.get("slipway.keyed")
    if keyed is not None:
        await keyed.begin(request, tenant)


def forget_once(scope: Mapping[str, Any]) -> None:
    keyed: Keyed | None = scope.get("slipway.keyed")
    if keyed is not None:
        keyed.forget()


def _reads_no_body(request: Request) -> bool:
    return getattr(request.scope["route"], "body_field", None) is None


def _answer(held: list[Message]) -> Answer:
    start = held[0]
    headers = [(name.decode(), value.decode()) for name, value in start["headers"]]
    return Answer(start["status"], headers, b"".join(part.get("body", b"") for part in held[1:]))
