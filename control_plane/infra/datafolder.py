"""The data folder: made private, and held by one process for each role that it runs.

The lock is the kernel's, so it ends with its process whatever way that ends. Whoever holds a role's
lock may take over its predecessor's leases at once: there is nobody else who could hold them.
"""

import fcntl
import os
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from control_plane.core.ids import Rng, random_id
from control_plane.errors import Conflict, Invalid


class FolderUnusable(Invalid):
    pass


class RoleTaken(Conflict):
    """Another process runs this role on this data folder."""


@dataclass
class DataFolder:
    path: Path
    _locks: list[IO[str]] = field(default_factory=list)

    def open(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            probe = self.path / ".write-test"
            probe.write_text("")
            probe.unlink()
        except OSError as error:
            raise FolderUnusable(
                f"The data folder {str(self.path)!r} cannot be written: {error.strerror}.",
                field="SLIPWAY_DATA_DIR",
                remedy="Set SLIPWAY_DATA_DIR to a folder that you may write, or change its owner.",
            ) from error

    def take(self, role: str) -> None:
        """Hold this role until the process ends."""
        file = self._file(f"{role}.lock")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "another process"
            file.close()
            raise RoleTaken(
                f"Slipway already runs here: process {holder} has the role {role!r}"
                f" of the data folder {str(self.path)!r}.",
                field="SLIPWAY_DATA_DIR",
                remedy="Stop it first, or set another SLIPWAY_DATA_DIR and SLIPWAY_PORT.",
            ) from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        self._locks.append(file)

    def share(self, name: str) -> IO[str]:
        """Count ourselves among those who use something that all processes of the folder share."""
        file = self._file(f"{name}.lock")
        fcntl.flock(file, fcntl.LOCK_SH)
        return file

    def is_last(self, shared: IO[str]) -> bool:
        """Whether nobody else uses it; then it is ours alone until the file is closed."""
        with suppress(BlockingIOError):
            fcntl.flock(shared, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        return False

    def installation(self, rng: Rng) -> str:
        """The name that containers and leases of this data folder carry; made once."""
        path = self.path / "installation"
        with suppress(FileNotFoundError):
            return path.read_text().strip()
        name = random_id("in", rng)
        path.write_text(name)
        return name

    def close(self) -> None:
        for file in self._locks:
            file.close()
        self._locks.clear()

    def _file(self, name: str) -> IO[str]:
        return (self.path / name).open("a+", encoding="utf-8")
