"""The operator token: whoever may read the data folder may operate this Slipway, as the `slipway`
command on the same machine does.

Beside it lies the address, so that the command finds the server that a start chose a port for.
"""

import hmac
import os
from dataclasses import dataclass
from pathlib import Path

from control_plane.core.ids import Rng
from control_plane.errors import Unavailable
from control_plane.infra.logging import hide

TOKEN_FILE = "operator.token"  # noqa: S105 # a file's name
ADDRESS_FILE = "api.address"
PREFIX = "slo_"  # so that scanners and people recognise one


class NotRunning(Unavailable):
    """No Slipway has this data folder."""


@dataclass(frozen=True)
class Operator:
    """What the command needs to talk to a running Slipway."""

    address: str
    token: str


def ensure_token(data_dir: Path, rng: Rng) -> str:
    """The token of this data folder, made at the first start."""
    path = data_dir / TOKEN_FILE
    token = _text(path)
    if token is None:
        token = PREFIX + rng.bytes(32).hex()
        _write(path, token)
    hide(token)
    return token


def publish_address(data_dir: Path, address: str) -> None:
    _write(data_dir / ADDRESS_FILE, address)


def withdraw_address(data_dir: Path) -> None:
    (data_dir / ADDRESS_FILE).unlink(missing_ok=True)


def find(data_dir: Path) -> Operator:
    address, token = _text(data_dir / ADDRESS_FILE), _text(data_dir / TOKEN_FILE)
    if address is None or token is None:
        raise NotRunning(
            f"No Slipway runs on {data_dir.resolve()}.",
            remedy="Start one with `slipway up`, or name its folder with --data-dir.",
        )
    return Operator(address, token)


def is_token(given: str, token: str) -> bool:
    return hmac.compare_digest(given.encode(), token.encode())


def _text(path: Path) -> str | None:
    try:
        return path.read_text().strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unavailable(
            f"{path} cannot be read: {error.strerror}.",
            remedy="Run the command as the user that runs Slipway.",
        ) from error


def _write(path: Path, text: str) -> None:
    """Whole or not at all, and never readable by others, not even for a moment."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text + "\n")
    beside.replace(path)
