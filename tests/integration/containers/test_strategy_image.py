"""The image that strategies run in, built here as `slipway images build` builds it."""

import json
from collections.abc import Iterator

import docker
import pytest
from docker.errors import ContainerError

from control_plane.containers.base_image import BuildFailed
from control_plane.containers.images import ROOT, Built, ImageBuilder
from control_plane.infra.clock import RealClock

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def builder() -> ImageBuilder:
    return ImageBuilder(None, ROOT / ".slipway" / "wheels", RealClock(), lambda line: None)


@pytest.fixture(scope="module")
def built(builder: ImageBuilder) -> Built:
    return builder.build()


@pytest.fixture
def engine() -> Iterator[docker.DockerClient]:
    client = docker.from_env()
    yield client
    client.close()


def run(engine: docker.DockerClient, image: str, program: str) -> str:
    answer = engine.containers.run(
        image,
        ["-c", program],
        entrypoint="python3",
        network_mode="none",
        read_only=True,
        remove=True,
    )
    return answer.decode()


def test_an_image_that_is_there_is_not_built_again(builder: ImageBuilder, built: Built) -> None:
    again = builder.build()

    assert again.id == built.id
    assert not again.is_new


def test_the_image_holds_what_authors_use_and_stays_small(
    engine: docker.DockerClient, built: Built
) -> None:
    program = "import numpy, pandas, talib, requests, hiredis, msgspec, strategy_runtime.wire"

    assert run(engine, built.id, program) == ""
    assert built.size < 300 * MEGABYTE


def test_the_image_runs_as_nobody_with_neither_pip_nor_its_own_name(
    engine: docker.DockerClient, built: Built
) -> None:
    program = """
import importlib.util, json, os
print(json.dumps([os.getuid(), os.getgid(), importlib.util.find_spec("pip") is None]))
"""

    assert json.loads(run(engine, built.id, program)) == [10001, 10001, True]


def test_everything_in_the_image_is_compiled(engine: docker.DockerClient, built: Built) -> None:
    program = """
import os, pandas, strategy_runtime.wire.messages as m
print([os.path.exists(x.__cached__) for x in (pandas, m)])
"""

    assert run(engine, built.id, program).strip() == "[True, True]"


def test_a_base_without_python_is_refused_with_a_sentence(
    builder: ImageBuilder, built: Built, engine: docker.DockerClient
) -> None:
    empty = engine.api.import_image_from_data(b"\0" * 10240, repository="slipway/empty")
    name = json.loads(empty)["status"]

    with pytest.raises(BuildFailed, match="does not run python3"):
        builder.build(python_image=name)

    engine.images.remove(name)


def test_a_base_that_is_nowhere_is_refused_with_a_sentence(builder: ImageBuilder) -> None:
    with pytest.raises(BuildFailed, match="is not here and no registry gives it"):
        builder.build(python_image="localhost:1/nowhere:1")


def test_the_process_of_a_container_that_was_told_nothing_says_so(
    engine: docker.DockerClient, built: Built
) -> None:
    with pytest.raises(ContainerError):
        engine.containers.run(built.id, network_mode="none", read_only=True, remove=True)
