"""The Python image that the strategy image stands on: a local one, a registry's, or our own Python.

A machine that reaches no registry imports the interpreter that runs this (`images/rootfs.py`).
"""

import hashlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from docker import DockerClient
from docker.errors import APIError, DockerException, ImageNotFound

from control_plane.containers.wheels import Python, last_line, python_here
from control_plane.core.clock import Clock
from control_plane.errors import Unavailable

ROOTFS = Path(__file__).resolve().parents[2] / "images" / "rootfs.py"
PUBLIC = "python:3.12-slim-bookworm"
IMPORTED = "slipway/python"
OLDEST_PYTHON = (3, 11)
CALL_SECONDS = 30
PULL_SECONDS = 60


class EngineMissing(Unavailable):
    """No Docker engine answers."""


class BuildFailed(Unavailable):
    """The engine answers, but there is no image in the end."""


@dataclass(frozen=True)
class BaseImage:
    engine: DockerClient
    clock: Clock
    say: Callable[[str], None]

    def get(self, asked: str | None) -> tuple[str, Python]:
        """An image that the engine has, and what it runs."""
        name = self._asked(asked) if asked else self._any()
        return name, self._python_of(name)

    def _asked(self, name: str) -> str:
        if not self._has(name) and not self._pulled(name):
            raise BuildFailed(
                f"The image {name!r} is not here and no registry gives it.",
                remedy="Leave --python-image out to use this machine's own Python.",
            )

        return name

    def _any(self) -> str:
        imported = f"{IMPORTED}:{python_here().text}-{digest(ROOTFS)}"
        for name in (PUBLIC, imported):
            if self._has(name):
                return name

        if self._pulled(PUBLIC):
            return PUBLIC

        self.say(f"no registry gives it: importing this machine's own Python as {imported}")
        self._import(imported)
        return imported

    def _has(self, name: str) -> bool:
        try:
            self.engine.images.get(name)
        except ImageNotFound:
            return False

        return True

    def _pulled(self, name: str) -> bool:
        self.say(f"fetching {name}")
        deadline = self.clock.monotonic() + PULL_SECONDS
        repository, _, tag = name.partition(":")
        try:
            lines = self.engine.api.pull(repository, tag or "latest", stream=True, decode=True)
            return all("error" not in line and self.clock.monotonic() < deadline for line in lines)
        except APIError:
            return False

    def _import(self, name: str) -> None:
        with tempfile.NamedTemporaryFile() as archive:
            made = subprocess.run(  # noqa: S603 # a script of ours
                [getattr(sys, "_base_executable", sys.executable), str(ROOTFS), "python"],
                stdout=archive,
                stderr=subprocess.PIPE,
                check=False,
            )
            if made.returncode:
                said = last_line(made.stderr.decode())
                raise BuildFailed(f"This machine's Python cannot be imported: {said}.")

            repository, tag = name.split(":")
            self.engine.api.import_image(archive.name, repository=repository, tag=tag)

    def _python_of(self, name: str) -> Python:
        """Asked of the image itself, which also shows that its Python starts."""
        asks = "import json, os, sys; print(json.dumps([sys.version_info[:3], os.uname().machine]))"
        container = self.engine.containers.create(
            name, ["-c", asks], entrypoint="python3", network_mode="none"
        )
        try:
            container.start()
            container.wait(timeout=CALL_SECONDS)
            answer = json.loads(container.logs(stderr=False))
        except (DockerException, OSError, ValueError) as error:
            raise BuildFailed(f"The image {name!r} does not run python3.") from error
        finally:
            container.remove(force=True)

        version, machine = answer
        if tuple(version[:2]) < OLDEST_PYTHON:
            text = ".".join(map(str, version))
            raise BuildFailed(f"The image {name!r} has Python {text}; 3.11 or newer is needed.")

        return Python(tuple(version), machine)


@contextmanager
def connected(docker_host: str | None) -> Iterator[DockerClient]:
    """The engine, with every failure of it in our own words."""
    try:
        if docker_host:
            client = DockerClient(docker_host, timeout=CALL_SECONDS)
        else:
            client = DockerClient.from_env(timeout=CALL_SECONDS)

        client.ping()
    except (DockerException, OSError) as error:
        raise missing(error) from error

    try:
        yield client
    except APIError as error:
        raise BuildFailed(f"The Docker engine refuses: {reason(error)}.") from error
    except (DockerException, OSError) as error:
        raise EngineMissing("The Docker engine stopped answering.") from error
    finally:
        client.close()


def missing(error: Exception) -> EngineMissing:
    """The SDK hands the reason on as text alone."""
    if "Permission denied" in str(error):
        return EngineMissing(
            "There is no permission on the Docker engine's socket.",
            remedy="Add this user to the socket's group.",
        )
    return EngineMissing(
        "No Docker engine answers.", remedy="Start one, or name it in SLIPWAY_FLEET__DOCKER_HOST."
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def reason(error: Exception) -> str:
    said = error.explanation if isinstance(error, APIError) else None
    return last_line(str(said or error))
