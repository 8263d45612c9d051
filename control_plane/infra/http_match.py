"""ETags: `"{version}-{digest}"` where a thing has a version, else the digest alone.

The whole of it names one answer byte for byte, and spares reading it twice (If-None-Match). The
version alone is what an edit stands on (If-Match): how a container does may change in between, what
somebody wished for may not.
"""

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated

from fastapi import Depends, Header, Response
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from control_plane.errors import Conflict, Invalid

TAG = re.compile(r'"([0-9]{1,18})(?:-[0-9a-f]{1,64})?"')
TAGS = r'^(\*|"[!#-~]{1,80}"(\s*,\s*"[!#-~]{1,80}"){0,9})$'


class Stale(Conflict):
    """It is no longer as the caller saw it; `version` is what it is now (412)."""

    def __init__(self, what: str, version: int) -> None:
        super().__init__(
            what, field="If-Match", remedy="Look at it again, and send the ETag that you get."
        )
        self.version = version


class BadTag(Invalid):
    pass


@dataclass(frozen=True)
class Expected:
    """The versions that an edit may stand on; without any it stands on whatever is there."""

    versions: frozenset[int] | None = None

    def check(self, version: int, what: str) -> None:
        """In the transaction that makes the edit."""
        if self.versions is not None and version not in self.versions:
            raise Stale(f"{what} has changed since you saw it.", version)


ANY = Expected()


async def _expected(
    if_match: Annotated[
        str | None,
        Header(
            alias="If-Match",
            pattern=TAGS,
            max_length=900,
            description="The ETag under which you saw it: if it has changed since, 412.",
            examples=['"3"'],
        ),
    ] = None,
) -> Expected:
    if if_match is None or if_match == "*":
        return ANY
    return Expected(frozenset(int(found[1]) for found in TAG.finditer(if_match)))


IfMatch = Annotated[Expected, Depends(_expected)]


def tag(response: Response, version: int) -> None:
    """Of a thing that can be edited, with every answer that shows it."""
    response.headers["ETag"] = f'"{version}"'


@dataclass
class Conditional:
    """Every answer to a GET is tagged; one that the caller has already is not sent again."""

    app: ASGIApp
    prefix: str

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        if not scope["path"].startswith(self.prefix):
            await self.app(scope, receive, send)
            return

        held: list[Message] = []

        async def hold(message: Message) -> None:
            held.append(message)
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                for one in _tagged(held, Headers(scope=scope).get("if-none-match", "")):
                    await send(one)

        await self.app(scope, receive, hold)


def _tagged(held: list[Message], known: str) -> list[Message]:
    start, body = held[0], b"".join(part.get("body", b"") for part in held[1:])
    if start["status"] != 200:
        return held
    headers = MutableHeaders(scope=start)
    version = headers.get("etag", "").strip('"')
    digest = sha256(body).hexdigest()[:16]
    ours = f'"{version}-{digest}"' if version else f'"{digest}"'
    headers["etag"] = ours
    if known != "*" and ours not in {one.strip().removeprefix("W/") for one in known.split(",")}:
        return held
    for name in ("content-length", "content-type"):
        del headers[name]
    return [{**start, "status": 304}, {"type": "http.response.body", "body": b""}]
