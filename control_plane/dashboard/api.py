"""The status page, the figures that it shows, and the events behind them.

The page is plain files; it looks at /status.json once, and hears over a live connection what
changes. Where only this machine reaches the server, both are open; anywhere else they ask who it
is.
"""

from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from control_plane.dashboard.models import Picture
from control_plane.dashboard.service import Dashboard
from control_plane.errors import Missing
from control_plane.infra import events
from control_plane.infra.db import Database
from control_plane.infra.http_callers import Me, known_caller
from control_plane.infra.http_shapes import Decoded, Items, Moment, Shape, listing
from control_plane.infra.paging import Asked

STATIC = Path(__file__).parent / "static"
FILES = {
    "status.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "mark.svg": "image/svg+xml",
}


class EventOut(Shape):
    number: int
    at: Moment = Field(validation_alias="at_ms")
    kind: str = Field(examples=["deployment_created"])
    subject_kind: str
    subject_id: str
    body: Decoded


def page_routes(dashboard: Dashboard, *, is_private: bool) -> APIRouter:
    router = APIRouter(dependencies=[] if is_private else [Depends(known_caller)])
    document = (STATIC / "status.html").read_bytes()
    files = {name: (STATIC / name).read_bytes() for name in FILES}

    @router.get("/")
    async def status_page() -> Response:
        return Response(document, media_type="text/html; charset=utf-8")

    @router.get("/static/{name}")
    async def file(name: str) -> Response:
        if name not in files:
            raise Missing(f"There is no file {name[:60]!r}.")
        return Response(files[name], media_type=FILES[name])

    @router.get("/status.json")
    async def status() -> Picture:
        return await dashboard.picture()

    return router


def event_routes(db: Database) -> APIRouter:
    router = APIRouter(tags=["events"])

    @router.get("/events")
    async def list_events(
        me: Me, asked: Annotated[Asked, listing("kind", "subject_kind", "subject_id")]
    ) -> Items[EventOut]:
        """What happened to your things."""
        return Items.page(EventOut, await db.read(events.page_of, me.tenant, asked))

    return router
