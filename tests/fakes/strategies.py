"""A check without a process."""

from collections.abc import Mapping
from typing import Any

from control_plane.strategies.models.checking import Report, check


async def check_here(code: str, manifest: Mapping[str, Any]) -> Report:
    return check(code, dict(manifest))


async def unchecked(code: str, manifest: object) -> Report:
    """As if checking had been deceived: the sandbox must hold by itself."""
    return Report(check(code, {}).outline, [])
