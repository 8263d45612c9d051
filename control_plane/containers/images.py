"""Builds the image that strategies run in, and names it by what went into it.

The name is a hash of the Dockerfile, the lock and the runtime's sources: an image of that name is
the right one, whoever built it and on which Python. Wheels are fetched on this side, for the
version of Python that the image has, so the build itself needs no network.
"""

import hashlib
import tarfile
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from docker import DockerClient
from docker.errors import ImageNotFound

from control_plane.containers.base_image import BaseImage, BuildFailed, connected
from control_plane.containers.wheels import Python, wheels_for
from control_plane.core.clock import Clock

ROOT = Path(__file__).resolve().parents[2]
RECIPE = ROOT / "images" / "base_strategy"
PARTS = ("Dockerfile", "install.py", "requirements.txt")
RUNTIME = "strategy_runtime"

NAME = "slipway/base-strategy"
BUILD_SECONDS = 600

Say = Callable[[str], None]


@dataclass(frozen=True)
class Built:
    name: str
    id: str
    size: int  # bytes
    is_new: bool


@dataclass(frozen=True)
class ImageBuilder:
    """Blocking, for the SDK is: the command line calls it, others on a thread."""

    docker_host: str | None
    cache: Path  # wheels stay here between builds
    clock: Clock
    say: Say

    def build(self, python_image: str | None = None) -> Built:
        """The image of today's sources: at once if it is there, unless a base is asked for."""
        with connected(self.docker_host) as engine:
            if python_image is None and (found := find(engine)) is not None:
                return found

            base, python = BaseImage(engine, self.clock, self.say).get(python_image)
            wheels = self._wheels(python)
            self.say(f"building {image_name()} on {base}, Python {python.text}")
            self._run(engine, base, wheels)
            built = find(engine)
            if built is None:
                raise BuildFailed(f"The image {image_name()!r} was built and is gone again.")

            return Built(built.name, built.id, built.size, is_new=True)

    def _wheels(self, python: Python) -> Path:
        lock = RECIPE / "requirements.txt"
        folder = self.cache / f"{digest_of([lock])}-{python.tag}"
        if not folder.is_dir():
            self.say(f"fetching wheels for Python {python.text}")

        return wheels_for(python, lock, folder)

    def _run(self, engine: DockerClient, base: str, wheels: Path) -> None:
        with tempfile.TemporaryFile() as archive:
            write_context(archive, wheels)
            archive.seek(0)
            for line in engine.api.build(
                fileobj=archive,
                custom_context=True,
                tag=image_name(),
                buildargs={"PYTHON_IMAGE": base},
                network_mode="none",
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_SECONDS,
            ):
                if "error" in line:
                    raise BuildFailed(f"The image could not be built: {line['error']}.")

                if (said := str(line.get("stream", ""))).startswith("Step "):
                    self.say(said.partition(" : ")[0].lower())


def image_name() -> str:
    """What `slipway images build` makes of today's sources, and what launchers look for."""
    return f"{NAME}:{digest_of([*(RECIPE / part for part in PARTS), *runtime_sources()])}"


def find(engine: DockerClient) -> Built | None:
    name = image_name()
    try:
        found = engine.images.get(name)
    except ImageNotFound:
        return None

    return Built(name, str(found.id), int(found.attrs["Size"]), is_new=False)


def write_context(archive: Any, wheels: Path) -> None:
    """Times, owners and order are fixed, so the engine's cache recognises what it has built."""
    files = {part: RECIPE / part for part in PARTS}
    files |= {f"wheels/{wheel.name}": wheel for wheel in wheels.glob("*.whl")}
    files |= {str(source.relative_to(ROOT)): source for source in runtime_sources()}
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, path in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(info, content)


def runtime_sources() -> list[Path]:
    return [path for path in (ROOT / RUNTIME).rglob("*") if path.suffix in {".py", ".typed"}]


def digest_of(files: Iterable[Path]) -> str:
    hashed = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)

    return hashed.hexdigest()[:12]
