"""Builds our images and names them by what went into them.

The name is a hash of the Dockerfile, the lock and the sources: an image of that name is the right
one, whoever built it and on which Python. Wheels are fetched on this side, for the version of
Python that the image has, so the build itself needs no network.
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
from control_plane.containers.wheels import Python, python_here, wheels_for
from control_plane.core.clock import Clock

ROOT = Path(__file__).resolve().parents[2]
BUILD_SECONDS = 600

Say = Callable[[str], None]


@dataclass(frozen=True)
class Recipe:
    name: str
    folder: str
    sources: tuple[str, ...]

    @property
    def dockerfile(self) -> str:
        return f"{self.folder}/Dockerfile"

    @property
    def lock(self) -> Path:
        return ROOT / self.folder / "requirements.txt"

    def files(self) -> list[Path]:
        """Everything that the build reads, but the wheels that the lock names by their hashes."""
        wholes = [ROOT / self.dockerfile, self.lock, ROOT / "images" / "install.py"]
        for source in self.sources:
            path = ROOT / source
            found = path.rglob("*") if path.is_dir() else [path]
            wholes += [file for file in found if file.is_file() and "__pycache__" not in file.parts]

        return sorted(set(wholes))


STRATEGY = Recipe("slipway/base-strategy", "images/base_strategy", ("strategy_runtime",))
CONTROL_PLANE = Recipe(
    "slipway/control-plane",
    "images/control_plane",
    (
        "control_plane",
        "strategy_runtime",
        "strategy_templates",
        "images/base_strategy",
        "pyproject.toml",
        "README.md",
        "LICENSE",
    ),
)


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

    def build(self, recipe: Recipe = STRATEGY, python_image: str | None = None) -> Built:
        """The image of today's sources: at once if it is there, unless a base is asked for."""
        with connected(self.docker_host) as engine:
            if python_image is None and (found := find(engine, recipe)) is not None:
                return found

            base, python = BaseImage(engine, self.clock, self.say).get(python_image)
            wheels = self._wheels(recipe, python)
            self.say(f"building {image_name(recipe)} on {base}, Python {python.text}")
            self._run(engine, recipe, base, wheels)
            built = find(engine, recipe)
            if built is None:
                raise BuildFailed(f"The image {image_name(recipe)!r} was built and is gone again.")

            engine.api.tag(built.id, recipe.name, "latest")
            return Built(built.name, built.id, built.size, is_new=True)

    def _wheels(self, recipe: Recipe, python: Python) -> Path | None:
        if ";" in recipe.lock.read_text() and python != python_here():
            # Conditions would be judged for the Python here; inside the build, pip judges right.
            self.say("its packages are fetched inside the build")
            return None

        folder = self.cache / f"{digest_of([recipe.lock])}-{python.tag}"
        if not folder.is_dir():
            self.say(f"fetching wheels for Python {python.text}")

        return wheels_for(python, recipe.lock, folder)

    def _run(self, engine: DockerClient, recipe: Recipe, base: str, wheels: Path | None) -> None:
        with tempfile.TemporaryFile() as archive:
            write_context(archive, recipe, wheels)
            archive.seek(0)
            for line in engine.api.build(
                fileobj=archive,
                custom_context=True,
                dockerfile=recipe.dockerfile,
                tag=image_name(recipe),
                buildargs={"PYTHON_IMAGE": base},
                network_mode=None if wheels is None else "none",
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_SECONDS,
            ):
                if "error" in line:
                    raise BuildFailed(f"The image could not be built: {line['error']}.")

                if (said := str(line.get("stream", ""))).startswith("Step "):
                    self.say(said.partition(" : ")[0].lower())


def image_name(recipe: Recipe = STRATEGY) -> str:
    """What a build makes of today's sources, and what launchers look for."""
    return f"{recipe.name}:{digest_of(recipe.files())}"


def find(engine: DockerClient, recipe: Recipe = STRATEGY) -> Built | None:
    name = image_name(recipe)
    try:
        found = engine.images.get(name)
    except ImageNotFound:
        return None

    return Built(name, str(found.id), int(found.attrs["Size"]), is_new=False)


def write_context(archive: Any, recipe: Recipe, wheels: Path | None) -> None:
    """Times, owners and order are fixed, so the engine's cache recognises what it has built."""
    files = {str(path.relative_to(ROOT)): path for path in recipe.files()}
    if wheels is not None:
        files |= {f"wheels/{wheel.name}": wheel for wheel in wheels.glob("*.whl")}

    with tarfile.open(fileobj=archive, mode="w") as tar:
        for name, path in sorted(files.items()):
            info = tarfile.TarInfo(name)
            info.size, info.mode = path.stat().st_size, 0o644
            with path.open("rb") as content:
                tar.addfile(info, content)


def digest_of(files: Iterable[Path]) -> str:
    hashed = hashlib.sha256()
    for path in sorted(files):
        content = path.read_bytes()
        hashed.update(f"{path.relative_to(ROOT)} {len(content)}\n".encode() + content)

    return hashed.hexdigest()[:12]
