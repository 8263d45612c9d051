"""Where a sign-in by way of a provider may end: at a page of ours, at the place of it that one came
from, or at the command line that began it. Nowhere else, whatever is asked for.
"""

import re
from dataclasses import dataclass

from control_plane.errors import Invalid

PAGES = frozenset({"/"})
# What a page knows its places by. A browser sends it to nobody, and it names no other page.
PLACE = re.compile(r"[A-Za-z0-9/_.=&-]{0,150}")
CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}")
LOWEST_PORT, HIGHEST_PORT = 1024, 65_535


class BadLanding(Invalid):
    """A sign-in ends at none but listed places."""


@dataclass(frozen=True)
class Asked:
    """What whoever begins wants of it."""

    page: str = "/"
    port: int | None = None  # a command line listens there, on its own machine
    challenge: str = ""
    invitation: str | None = None


@dataclass(frozen=True)
class Landing:
    text: str
    challenge: str = ""

    @property
    def is_command_line(self) -> bool:
        return bool(self.challenge)


def landing(asked: Asked) -> Landing:
    if asked.port is None:
        page, _, place = asked.page.partition("#")
        if page not in PAGES or not PLACE.fullmatch(place):
            raise BadLanding(
                f"{asked.page[:80]!r} is no page to come back to.",
                field="page",
                remedy=f"One of: {', '.join(sorted(PAGES))}; a place of it after # may follow.",
            )
        return Landing(asked.page)
    if not LOWEST_PORT <= asked.port <= HIGHEST_PORT or not CHALLENGE.fullmatch(asked.challenge):
        raise BadLanding(
            "A command line names its port and the S256 challenge of its verifier.",
            field="challenge",
            remedy="Use `slipway login --google`.",
        )
    return Landing(f"http://127.0.0.1:{asked.port}/", asked.challenge)
