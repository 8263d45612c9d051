"""From what somebody asks for to the stream of it, or to a refusal that names the field."""

from dataclasses import dataclass

from control_plane.core.ids import DeploymentId
from control_plane.deployments import service as deployments
from control_plane.errors import Missing
from control_plane.infra.db import Database, Tx
from control_plane.infra.http_callers import Caller
from control_plane.live.errors import BadMessage, NotShown
from control_plane.live.models.filters import SUBJECTS, Filter
from control_plane.live.models.messages import Subscribe
from control_plane.live.service.marks import Marks
from control_plane.live.service.streams import (
    EventStream,
    LineStream,
    Picture,
    StatusStream,
    Stream,
    VitalStream,
)
from control_plane.live.service.tail import Tail
from control_plane.signals.service import watching

LONGEST_WORD = 200
MOST_WORDS = 50
# What each channel can be narrowed by, beside `everybody`.
TAKES: dict[str, frozenset[str]] = {
    "events": frozenset({"after", "kinds", "subject_kinds", "subject_id", "everybody"}),
    "deployments": frozenset({"after", "kinds", "deployment_id", "everybody"}),
    "signals": frozenset({"after", "kinds", "subject_id", "deployment_id", "everybody"}),
    "orders": frozenset({"after", "kinds", "subject_id", "everybody"}),
    "trades": frozenset({"after", "kinds", "subject_id", "everybody"}),
    "logs": frozenset({"cursor", "deployment_id", "source", "grep", "everybody"}),
    "vitals": frozenset({"after", "deployment_id", "everybody"}),
    "status": frozenset(),
}
UNASKED = Subscribe("", "events")


@dataclass(frozen=True)
class Opener:
    db: Database
    tail: Tail
    marks: Marks
    picture: Picture

    async def open(self, caller: Caller, asked: Subscribe) -> tuple[Stream, int | str]:
        """The stream, and the place after which it begins."""
        _check(caller, asked)
        match asked.channel:
            case "status":
                return StatusStream(asked.id, self.picture, self.tail.clock), ""
            case "logs":
                deployment = await self._deployment(caller, asked)
                cursor = asked.cursor
                if cursor is None:
                    cursor = await self.db.read(_now, deployment)
                stream = LineStream(
                    asked.id,
                    self.db,
                    self.marks,
                    deployment,
                    asked.source,
                    asked.grep,
                    watching.known_cursor(cursor),
                )
                return stream, cursor
            case "vitals":
                deployment = await self._deployment(caller, asked)
                after = asked.after or 0
                return VitalStream(asked.id, self.db, self.marks, deployment, after), after
            case _:
                position = self.tail.number if asked.after is None else asked.after
                wanted = _filter(caller, asked)
                resumed = asked.after is not None
                return EventStream(asked.id, self.tail, wanted, position, resumed), position

    async def _deployment(self, caller: Caller, asked: Subscribe) -> DeploymentId:
        if asked.deployment_id is None:
            raise BadMessage(
                f"The channel {asked.channel!r} is of one deployment.",
                field="deployment_id",
                remedy="Give the id of one; GET /api/v1/deployments lists yours.",
            )
        deployment = DeploymentId(asked.deployment_id)
        found = (await self.db.read(deployments.standings, [deployment])).get(deployment)
        if found is None or (found.tenant != caller.tenant and not asked.everybody):
            raise Missing(
                f"There is no deployment {deployment!r}.",
                field="deployment_id",
                remedy="GET /api/v1/deployments lists yours.",
            )
        return deployment


def _check(caller: Caller, asked: Subscribe) -> None:
    sees_status = caller.is_admin or caller.is_onlooker
    if asked.channel == "status" and not sees_status:
        raise NotShown("Only an admin sees how everything stands.", field="channel")
    if caller.is_onlooker and asked.channel != "status":
        raise NotShown(
            "Nobody is signed in on this page.", field="channel", remedy="Subscribe to status."
        )
    if asked.everybody and not caller.is_admin:
        raise NotShown("Only an admin sees what is everybody's.", field="everybody")
    takes = TAKES[asked.channel]
    for name in Subscribe.__struct_fields__:
        given = getattr(asked, name)
        if name in {"id", "channel"} or given == getattr(UNASKED, name):
            continue
        if name not in takes:
            raise BadMessage(
                f"The channel {asked.channel!r} has no {name}.",
                field=name,
                remedy=f"It takes {', '.join(sorted(takes)) or 'nothing else'}.",
            )
        _check_size(name, given)
    if asked.after is not None and asked.after < 0:
        raise BadMessage("There is no number below 0.", field="after", remedy="0 is the beginning.")


def _check_size(name: str, given: object) -> None:
    words = given if isinstance(given, tuple) else (given,)
    too_long = any(isinstance(word, str) and len(word) > LONGEST_WORD for word in words)
    if too_long or len(words) > MOST_WORDS:
        raise BadMessage(
            f"{name} is too long.",
            field=name,
            remedy=f"{MOST_WORDS} words of {LONGEST_WORD} characters at most.",
        )


def _filter(caller: Caller, asked: Subscribe) -> Filter:
    is_deployment = asked.channel == "deployments"
    return Filter(
        tenant=None if asked.everybody else caller.tenant,
        kinds=frozenset(asked.kinds),
        subject_kinds=frozenset(SUBJECTS[asked.channel] or asked.subject_kinds),
        subject=asked.deployment_id if is_deployment else asked.subject_id,
        deployment=None if is_deployment else asked.deployment_id,
    )


def _now(tx: Tx, deployment: DeploymentId) -> str:
    mark = watching.marks(tx, [deployment])[deployment]
    return f"{mark.said}.{mark.printed}"
