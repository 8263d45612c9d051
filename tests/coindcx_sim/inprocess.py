"""The venue without a network between: our own `Net` port, on a clock that a test drives."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from control_plane.core.clock import Clock, ms
from control_plane.infra.net import Reply, Request, Unreachable
from tests.coindcx_sim.answers import Answer, Late, SimRequest
from tests.coindcx_sim.exchange import Exchange


@dataclass
class SimNet:
    exchange: Exchange
    clock: Clock
    address: str = "127.0.0.1"

    async def send(self, request: Request) -> Reply:
        arrived = self.exchange.handle(sim_request(request, self.address), self._now())
        if isinstance(arrived, Late):
            return await self._late(arrived, request)
        return await self._reply(arrived, request)

    async def _late(self, late: Late, request: Request) -> Reply:
        """It arrives when it arrives, whether or not anybody still waits for the answer."""
        wait = (late.at_ms - self._now()) / 1000
        if wait < request.timeout_seconds:
            await self.clock.sleep(wait)
            return await self._reply(self.exchange.arrive(late.request, self._now()), request)

        def swallow(now_ms: int) -> None:
            self.exchange.arrive(late.request, now_ms)

        self.exchange.world.timers.at(late.at_ms, swallow)
        await self.clock.sleep(request.timeout_seconds)
        raise Unreachable(f"{request.url} does not answer: timeout.")

    async def _reply(self, answer: Answer, request: Request) -> Reply:
        if answer.fate == "reset":
            raise Unreachable(f"{request.url} does not answer: connection reset.")
        if answer.fate == "hung" or answer.delay_ms / 1000 > request.timeout_seconds:
            await self.clock.sleep(request.timeout_seconds)
            raise Unreachable(f"{request.url} does not answer: timeout.")
        if answer.delay_ms:
            await self.clock.sleep(answer.delay_ms / 1000)
        return Reply(
            answer.status, {"content-type": answer.content_type, **answer.headers}, answer.body
        )

    def _now(self) -> int:
        return ms(self.clock.now())


def sim_request(request: Request, address: str) -> SimRequest:
    parts = urlsplit(request.url)
    return SimRequest(
        request.method,
        parts.path,
        parts.query,
        request.headers.get("X-AUTH-APIKEY", ""),
        request.headers.get("X-AUTH-SIGNATURE", ""),
        request.body,
        address,
    )
