"""Removes images of ours that nothing needs any more: each change of the sources makes a new one.

Never today's, never one that a container stands on, never the newest few, and of the others only
those of some age: another checkout on this machine may be about to use a young one.
"""

import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from docker import DockerClient
from docker.errors import APIError

from control_plane.containers.base_image import connected, reason
from control_plane.containers.images import CONTROL_PLANE, STRATEGY, image_name
from control_plane.core.clock import Clock, from_ms

KEPT = 3
AGE = timedelta(days=7)
AT_ONCE = 10
BUILT = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Found:
    """An image of ours on an engine."""

    name: str
    id: str
    made_at: datetime
    size: int  # bytes, of which other images may share some


def removable(
    found: Sequence[Found],
    *,
    needed: Collection[str],
    used: Collection[str],
    now: datetime,
    age: timedelta = AGE,
) -> list[Found]:
    """The oldest first, and not too many in one go. `needed` are names, `used` ids."""
    newest = sorted(found, key=lambda image: image.made_at, reverse=True)
    old = [
        image
        for image in newest[KEPT:]
        if image.name not in needed and image.id not in used and now - image.made_at >= age
    ]
    return old[::-1][:AT_ONCE]


@dataclass(frozen=True)
class Pruner:
    """Blocking, for the SDK is."""

    docker_host: str | None
    clock: Clock
    say: Callable[[str], None]

    def prune(self, age: timedelta = AGE, *, dry_run: bool = False) -> list[Found]:
        """What was removed; what the engine would not give up is said and left."""
        with connected(self.docker_host) as engine:
            due = [
                image
                for recipe in (STRATEGY, CONTROL_PLANE)
                for image in self._due(engine, recipe.name, age)
            ]
            return due if dry_run else [image for image in due if self._remove(engine, image)]

    def _due(self, engine: DockerClient, name: str, age: timedelta) -> list[Found]:
        needed = {image_name(STRATEGY), image_name(CONTROL_PLANE)}
        used = {str(item["ImageID"]) for item in engine.api.containers(all=True)}
        return removable(
            _listed(engine, name), needed=needed, used=used, now=self.clock.now(), age=age
        )

    def _remove(self, engine: DockerClient, image: Found) -> bool:
        try:
            engine.api.remove_image(image.name, force=False)
        except APIError as error:
            self.say(f"{image.name} stays: {reason(error)}")
            return False
        return True


def _listed(engine: DockerClient, name: str) -> list[Found]:
    """By the names that a build gave; what a person named stays theirs."""
    return [
        Found(tag, str(item["Id"]), from_ms(int(item["Created"]) * 1000), int(item["Size"]))
        for item in engine.api.images(name)
        for tag in item.get("RepoTags") or ()
        if BUILT.fullmatch(tag.removeprefix(f"{name}:"))
    ]
