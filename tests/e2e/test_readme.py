"""The README's first strategy, typed as it stands there."""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.fakes.harbour import Harbour

pytestmark = [pytest.mark.e2e, pytest.mark.redis, pytest.mark.timeout(240)]

README = (Path(__file__).resolve().parents[2] / "README.md").read_text()
CHAPTER = README.partition("## Your first strategy")[2].partition("\n## ")[0]
SIGNAL_SECONDS = 120


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    made = Harbour(tmp_path, settings={"SLIPWAY_MARKET__SPEED": "240"})
    yield made
    made.end()


def block(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", CHAPTER, re.DOTALL)
    assert found is not None
    return found[1]


async def test_the_first_strategy_of_the_readme_signals(harbour: Harbour) -> None:
    (harbour.folder / "crossover.py").write_text(block("python"))
    harbour.start()
    await harbour.ready()

    for line in block("bash").splitlines():
        done = harbour.command(*shlex.split(line)[1:])
        assert done.returncode == 0, f"{line}: {done.stdout}{done.stderr}"

    await wait_until(lambda: signals(harbour) >= 1, SIGNAL_SECONDS, "the first signal")


def signals(harbour: Harbour) -> int:
    return int(json.loads(harbour.command("status", "--json").stdout)["counts"]["signals"])
