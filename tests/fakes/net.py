"""A network that is a function."""

from collections.abc import Callable
from dataclasses import dataclass, field

from control_plane.infra.net import Reply, Request, Unreachable


@dataclass
class FakeNet:
    answer: Callable[[Request], Reply]
    sent: list[Request] = field(default_factory=list)

    async def send(self, request: Request) -> Reply:
        self.sent.append(request)
        return self.answer(request)


def nowhere() -> FakeNet:
    """Nobody answers."""

    def silent(request: Request) -> Reply:
        raise Unreachable(f"{request.url} does not answer.")

    return FakeNet(silent)


def json_reply(body: bytes, status: int = 200) -> Reply:
    return Reply(status, {"content-type": "application/json"}, body)
