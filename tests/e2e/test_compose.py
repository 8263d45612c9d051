"""docker-compose.yml with images made here: from nothing to a strategy container's first signal."""

import json
import os
import secrets
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import docker
import pytest
from docker.errors import ImageNotFound

from control_plane.containers.images import CONTROL_PLANE, STRATEGY, ImageBuilder
from control_plane.containers.labels import LABEL_INSTALLATION
from control_plane.infra.clock import RealClock
from tests.services import compose_command

pytestmark = [
    pytest.mark.docker,
    pytest.mark.compose,
    pytest.mark.e2e,
    pytest.mark.timeout(600),
]

ROOT = Path(__file__).resolve().parents[2]
LOCAL_SERVICES = ("slipway/redis:local", "slipway/postgres:local")
TEMPLATE = "/opt/slipway/strategy_templates/sma_cross/strategy.py"


@dataclass(frozen=True)
class Project:
    """One `docker compose` project of its own."""

    name: str
    environment: dict[str, str]

    def run(self, *arguments: str) -> str:
        done = subprocess.run(
            [*(compose_command() or []), "--project-name", self.name, *arguments],
            cwd=ROOT,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def slipway(self, *arguments: str) -> str:
        return self.run("exec", "-T", "control-plane", "slipway", *arguments)

    def status(self) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self.slipway("status", "--json"))
        return answer


@pytest.fixture(scope="module")
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


@pytest.fixture(scope="module")
def images(engine: docker.DockerClient) -> dict[str, str]:
    builder = ImageBuilder(None, ROOT / ".slipway" / "wheels", RealClock(), lambda line: None)
    builder.build(STRATEGY)
    try:
        for name in LOCAL_SERVICES:
            engine.images.get(name)
    except ImageNotFound:
        subprocess.run([ROOT / "images" / "local_services"], check=True, capture_output=True)

    redis, postgres = LOCAL_SERVICES
    control_plane = builder.build(CONTROL_PLANE).name
    return {"REDIS_IMAGE": redis, "POSTGRES_IMAGE": postgres, "SLIPWAY_IMAGE": control_plane}


@pytest.fixture
def project(images: dict[str, str], tmp_path: Path) -> Iterator[Project]:
    name = f"slipway-test-{secrets.token_hex(4)}"
    socket = Path("/var/run/docker.sock")
    project = Project(
        name,
        {
            **images,
            "SLIPWAY_POSTGRES_PASSWORD": secrets.token_hex(16),
            "SLIPWAY_REDIS_PASSWORD": secrets.token_hex(16),
            "DOCKER_GID": str(socket.stat().st_gid),
            "SLIPWAY_PUBLISH": "127.0.0.1:0",
            "BUS_VOLUME": f"{name}-bus",
            "CANDLES_VOLUME": f"{name}-candles",
            "SLIPWAY_MARKET__SPEED": "60",
        },
    )
    try:
        project.run("up", "--detach", "--no-build")
        yield project
    finally:
        print(project.run("logs", "--no-color", "--tail", "40", "control-plane"))
        project.run("stop", "--timeout", "30", "control-plane")
        project.run("down", "--volumes", "--timeout", "5")


def wait_for(condition: Callable[[], object], what: str, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come about within {seconds:g} s"
        time.sleep(1)


def test_a_composed_slipway_carries_a_strategy_to_its_first_signal(
    project: Project, engine: docker.DockerClient
) -> None:
    wait_for(
        lambda: "(healthy)" in project.run("ps", "control-plane"), "a healthy control plane", 60
    )
    project.slipway("strategies", "upload", TEMPLATE, "--name", "crossing")
    project.slipway("deploy", "crossing")

    wait_for(lambda: project.status()["counts"]["signals"] >= 1, "the first signal")

    running = [
        container
        for container in engine.containers.list(filters={"label": LABEL_INSTALLATION})
        if any(mount.get("Name") == f"{project.name}-bus" for mount in container.attrs["Mounts"])
    ]
    assert len(running) == 1
    assert running[0].attrs["HostConfig"]["NetworkMode"] == "none"


def test_compose_refuses_to_start_without_passwords(tmp_path: Path) -> None:
    empty = tmp_path / "env"
    empty.touch()
    done = subprocess.run(
        [*(compose_command() or []), "--env-file", str(empty), "config"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode != 0
    assert "set it in .env, see .env.example" in done.stderr
