"""The API token that `slipway login` leaves in the user's own folder, for Slipways elsewhere."""

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import typer

from control_plane.errors import Invalid

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@dataclass(frozen=True)
class Kept:
    address: str
    token: str = field(repr=False)


def file() -> Path:
    return Path(typer.get_app_dir("slipway")) / "login.json"


def read() -> Kept | None:
    try:
        return Kept(**json.loads(file().read_text()))
    except FileNotFoundError:
        return None
    except (TypeError, ValueError) as error:
        raise Invalid(f"{file()} is no login of ours.", remedy="Run `slipway login`.") from error


def keep(login: Kept) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    path = file()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as opened:
        json.dump(asdict(login), opened)
    beside.replace(path)


def forget() -> bool:
    there = file().exists()
    file().unlink(missing_ok=True)
    return there


def checked(address: str) -> str:
    """A password leaves this machine encrypted or not at all."""
    parts = urlsplit(address)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return address.rstrip("/")
    raise Invalid(
        f"{address!r} is no https address.",
        field="--address",
        remedy="Use https://…; http is for this machine alone.",
    )
