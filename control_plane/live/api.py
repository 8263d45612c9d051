"""`/api/v1/live`, and the tickets with which a page opens it."""

from fastapi import APIRouter, Depends, WebSocket
from pydantic import Field
from starlette.websockets import WebSocketDisconnect

from control_plane.errors import SlipwayError
from control_plane.infra.http_callers import Caller, Me, known_caller, let_in
from control_plane.infra.http_refusals import problem
from control_plane.infra.http_shapes import Shape
from control_plane.live.models.messages import PROTOCOL
from control_plane.live.service import Hub
from control_plane.live.service.hub import Gone
from control_plane.sessions.service.tickets import LIFE_SECONDS, Tickets

ONLOOKER = Caller(tenant="", name="onlooker", is_onlooker=True)  # type: ignore[arg-type] # nobody's


class TicketOut(Shape):
    ticket: str = Field(
        description="Good once: offer the protocols slipway.live.v1 and ticket.{this}.",
        examples=["x3vQ2mJ8c1K7w0Zt5uYb9nLr4sGd6hPe-fAoTiWqXkM"],
    )
    expires_in_seconds: int = LIFE_SECONDS


class SocketPeer:
    """A WebSocket as the hub talks to it."""

    def __init__(self, socket: WebSocket) -> None:
        self._socket = socket

    async def receive(self) -> str | bytes:
        message = await self._socket.receive()
        if message["type"] == "websocket.disconnect":
            raise Gone
        text = message.get("text")
        return message.get("bytes", b"") if text is None else str(text)

    async def send(self, frame: str) -> None:
        try:
            await self._socket.send_text(frame)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error

    async def close(self, code: int, reason: str) -> None:
        try:
            await self._socket.close(code, reason)
        except (WebSocketDisconnect, RuntimeError) as error:
            raise Gone from error


def socket_route(hub: Hub) -> APIRouter:
    router = APIRouter()

    @router.websocket("/live")
    async def live(socket: WebSocket) -> None:
        try:
            caller = await let_in(socket)
            hub.make_room(caller)
        except SlipwayError as error:
            await socket.send_denial_response(problem(error, socket.scope["slipway.request_id"]))
            return
        offered = socket.scope["subprotocols"]
        await socket.accept(subprotocol=PROTOCOL if PROTOCOL in offered else None)
        await hub.serve(caller, SocketPeer(socket))

    return router


def ticket_routes(tickets: Tickets) -> APIRouter:
    router = APIRouter(prefix="/live", tags=["live"])

    @router.post("/tickets", status_code=201)
    async def make_ticket(me: Me) -> TicketOut:
        """A ticket for one live connection, for pages: a browser can send no header with it."""
        return TicketOut(ticket=await tickets.make(me))

    return router


def page_routes(tickets: Tickets, *, is_private: bool) -> APIRouter:
    """The status page's own ticket: where the page is open, it shows the status and no more."""
    router = APIRouter()

    async def whoever() -> Caller:
        return ONLOOKER

    @router.post("/status/ticket", status_code=201)
    async def page_ticket(
        caller: Caller = Depends(whoever if is_private else known_caller),  # noqa: B008 # FastAPI's way
    ) -> TicketOut:
        return TicketOut(ticket=await tickets.make(caller))

    return router
