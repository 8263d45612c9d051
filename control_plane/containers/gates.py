"""Versions below which the walls around strategies are known to be thin: said, not refused.

A distribution may have mended an old version without a new number; its own list of fixes says so.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

Version = tuple[int, ...]

# Each line of releases from its first mended one on; later lines are mended from the start.
RUNC: Sequence[Version] = ((1, 2, 8), (1, 3, 3))  # CVE-2025-31133, -52565, -52881: out of /proc
REDIS: Sequence[Version] = ((6, 2, 20), (7, 2, 11), (7, 4, 6), (8, 0, 4), (8, 2, 2))
VALKEY: Sequence[Version] = ((7, 2, 11), (8, 0, 6), (8, 1, 4))  # CVE-2025-49844 and its kin


def of_runc(version: str) -> str | None:
    """What to know of an engine's runc, if anything."""
    if _is_mended(version, RUNC):
        return None
    return _told("runc", version, RUNC, "a container may write where /proc is masked")


def of_redis(info: Mapping[str, Any]) -> str | None:
    """From what the server says of itself."""
    if "valkey_version" in info:
        name, version, mended = "Valkey", str(info["valkey_version"]), VALKEY
    else:
        name, version, mended = "Redis", str(info.get("redis_version", "")), REDIS
    if _is_mended(version, mended):
        return None
    return _told(name, version, mended, "whoever may run scripts may run anything in it")


def runc_version(engine: Mapping[str, Any]) -> str:
    """Out of an engine's answer; empty if it does not say."""
    parts = engine.get("Components") or ()
    return next((str(p.get("Version", "")) for p in parts if p.get("Name") == "runc"), "")


def _is_mended(text: str, mended: Sequence[Version]) -> bool:
    version = _version(text)
    if version is None:
        return False
    line = next((one for one in mended if one[:2] == version[:2]), None)
    return version >= line if line is not None else version > mended[-1]


def _version(text: str) -> Version | None:
    found = re.match(r"v?(\d+)\.(\d+)\.(\d+)", text)
    return None if found is None else tuple(int(part) for part in found.groups())


def _told(name: str, version: str, mended: Sequence[Version], risk: str) -> str:
    wanted = " or ".join(".".join(map(str, one)) for one in mended)
    what = f"{name} {version}" if version else f"{name} of an unknown version"
    return (
        f"{what} may have known holes ({risk}): use {wanted} or newer, or see in your"
        " distribution's list of fixes that it has them."
    )
