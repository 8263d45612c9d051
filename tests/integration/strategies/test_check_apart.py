"""Texts that are built to break their reader meet a process that may die of them."""

import asyncio

import pytest

from control_plane.strategies.service import check_apart

GOOD = (
    "from strategy_runtime import BaseStrategy\n"
    "class S(BaseStrategy):\n    def on_candle(self, candle): pass\n"
)


async def test_a_good_text_passes_apart() -> None:
    report = await check_apart(GOOD, {"resolution": "1h"})

    assert report.passed
    assert report.outline.resolution == "1h"


@pytest.mark.parametrize(
    "bomb",
    [
        "x = " + "-" * 100_000 + "1",
        "x = " + "not " * 50_000 + "1",
        "x = " + "(" * 100_000 + ")" * 100_000,
        "x = " + "[" * 90 + "]" * 90 + ".a" * 80_000,
        "x = " + "f(" * 20_000 + ")" * 20_000,
        "x = " + "1+" * 100_000 + "1",
        "x = " + "9" * 5_000,
        "x = 1" + " if 1 else 1" * 20_000,
        "\n".join("    " * n + "if 1:" for n in range(300)),
        "x = '''" + "\\" * 200_000,
        "x = \0",
        "x = " + "{**" * 20_000 + "a" + "}" * 20_000,
        "lambda: " * 30_000 + "1",
        "# -*- coding: utf-7 -*-\n+AG8-s",
    ],
    ids=range(14),
)
async def test_a_parser_bomb_is_refused_in_bounded_time(bomb: str) -> None:
    async with asyncio.timeout(5):
        report = await check_apart(bomb, {})

    assert not report.passed
    assert report.findings


async def test_a_deep_manifest_is_read_or_refused() -> None:
    nested: dict[str, object] = {}
    for _ in range(500):
        nested = {"a": nested}

    assert (await check_apart(GOOD, nested)).outline is not None
