"""A new author with nothing but docs/authors.md: its first lines, typed one after the other."""

import re
import shlex
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import async_playwright

from tests.fakes.harbour import Harbour
from tests.services import BROWSERS

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.redis,
    pytest.mark.browser,
    pytest.mark.timeout(400),
]

DOCS = (Path(__file__).resolve().parents[2] / "docs" / "authors.md").read_text()
FIVE_MINUTES = 300.0
# What a person ends with Ctrl-C, and a search that need not be thorough here.
BESIDE = {"optimise": "--trials 16", "run": "--candles 3 --speed 50000"}
CHROMIUM = next(filter(None, map(shutil.which, BROWSERS)), None)
ColorScheme = Literal["dark", "light"]
SCREENS: list[tuple[ColorScheme, int]] = [("light", 1280), ("dark", 1280), ("light", 390)]


@pytest.fixture
def harbour(tmp_path: Path) -> Iterator[Harbour]:
    made = Harbour(tmp_path, settings={"SLIPWAY_MARKET__SPEED": "240"})
    yield made
    made.end()


def lines() -> list[list[str]]:
    found = re.search(r"```\n(slipway new .*?)```", DOCS, re.DOTALL)
    assert found is not None
    return [shlex.split(re.split(r"\s{3,}", row)[0])[1:] for row in found[1].splitlines()]


async def test_from_new_to_logs_in_five_minutes(harbour: Harbour) -> None:
    harbour.start()
    await harbour.ready()
    began = time.monotonic()

    for words in lines():
        if words[0] == "logs":
            assert "begins" in followed(harbour, words)
            continue
        more = shlex.split(BESIDE.get(words[0], ""))
        done = harbour.command(*words, *more, seconds=FIVE_MINUTES)
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        if words[0] == "new":
            edit(harbour.folder / "mine" / "strategy.py")

    assert time.monotonic() - began < FIVE_MINUTES
    assert [words[0] for words in lines()] == [
        *("new", "check", "backtest", "optimise", "report", "run", "push", "deploy", "logs")
    ]
    for scheme, width in SCREENS:
        await look_at(harbour.folder / "report.html", scheme, width)


def edit(file: Path) -> None:
    text = file.read_text()
    head = "    def on_start(self) -> None:\n"
    assert head in text
    file.write_text(text.replace(head, f'{head}        self.log("begins")\n'))


def followed(harbour: Harbour, words: list[str]) -> str:
    """The first line that comes; then whoever watches has seen enough."""
    process = subprocess.Popen(
        [sys.executable, "-m", "control_plane.cli", *words],
        cwd=harbour.folder,
        env=harbour.environment(),
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    watch = threading.Timer(120.0, process.kill)
    watch.start()
    try:
        return next((line for line in process.stdout if "begins" in line), "nothing came")
    finally:
        watch.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


async def look_at(report: Path, scheme: ColorScheme, width: int) -> None:
    """It is drawn, asks for nothing else, and fits the screen."""
    complaints: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM)
        page = await browser.new_page(
            viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True
        )
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        page.on("request", lambda asked: complaints.append(asked.url))
        await page.goto(report.as_uri())
        title = await page.title()
        wide = await page.evaluate("document.documentElement.scrollWidth")
        rows = await page.locator("#trades tr").count()
        painted = await page.evaluate(PAINTED)
        await browser.close()
    assert complaints == [report.as_uri()]
    assert title == "mine"
    assert wide <= width
    assert rows > 10
    assert painted == [True] * 4


PAINTED = """[...document.querySelectorAll("canvas")].map(canvas => {
  const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return data.some(value => value > 0);
})"""
