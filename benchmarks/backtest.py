"""How fast backtests are, beside engines from PyPI, on the same data and rules in the same run.

    python -m benchmarks.backtest [--bars 100000] [--long 500000] [--others PYTHON]

`PYTHON` is an interpreter that has the other engines: `pip install -r benchmarks/requirements.txt`
into an environment of its own. Each engine runs in a fresh process, on one file of one-minute bars:
SMA 20/50 cross with a stop at 1 % and a target at 2 %, in at the next open. Trades must agree.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engines import OTHERS

ROOT = Path(__file__).parents[1]
ENGINES = Path(__file__).with_name("engines.py")
OURS = {"slipway": "slipway, declared indicators", "slipway_numpy": "slipway, NumPy window a bar"}
TARGETS = {"slipway": 1_000_000, "slipway_numpy": 200_000}
MEMORY_MB = 250


def make(count: int, path: Path) -> None:
    """Bars of a random walk whose open is not the close before: a fill shows which it took."""
    rng = np.random.default_rng(20_240_501)
    close = 30_000 * np.exp(np.cumsum(rng.normal(0, 0.0009, count)))
    first = np.concatenate(([30_000.0], close[:-1])) * (1 + rng.normal(0, 0.00005, count))
    top = np.maximum(first, close) * (1 + np.abs(rng.normal(0, 0.0003, count)))
    bottom = np.minimum(first, close) * (1 - np.abs(rng.normal(0, 0.0003, count)))
    times = 1_700_000_040_000 // 60_000 * 60_000 + np.arange(count, dtype=np.int64) * 60_000
    columns = {"open": first, "high": top, "low": bottom, "close": close}
    rounded = {name: np.round(column, 2) for name, column in columns.items()}
    np.savez(path, open_ms=times, volume=np.round(rng.uniform(0.1, 9, count), 3), **rounded)


def run(engine: str, data: Path, python: str) -> dict[str, Any]:
    command = [python, str(ENGINES), engine, str(data), str(ROOT)]
    said = subprocess.run(command, capture_output=True, text=True, check=False)
    if said.returncode:
        return {"failed": said.stderr.strip().splitlines()[-1:] or ["it ended"]}
    found: dict[str, Any] = json.loads(said.stdout.splitlines()[-1])
    return found


def agreement(ours: list[list[float]], theirs: list[list[float]]) -> float:
    """The share of trades with the same side, entry bar, exit bar, and prices within a cent.

    The last trade is left out: engines differ in whether they close it when the data ends.
    """
    mine = {tuple(row[:3]): row[3:] for row in ours[:-1]}
    other = {tuple(row[:3]): row[3:] for row in theirs[:-1]}
    same = [
        key
        for key in mine.keys() & other.keys()
        if all(abs(a - b) < 0.011 for a, b in zip(mine[key], other[key], strict=True))
    ]
    return len(same) / max(len(mine), len(other), 1)


def line(title: str, count: int, found: dict[str, Any], *more: str) -> None:
    speed, memory = count / found["seconds"], found["megabytes"]
    print(f"{title:<32}{count:>9,}{speed:>13,.0f}{memory:>8.0f}{len(found['trades']):>8,}", *more)


def main() -> None:
    given = argparse.ArgumentParser()
    given.add_argument("--bars", type=int, default=100_000)
    given.add_argument("--long", type=int, default=500_000)
    given.add_argument("--others", default=sys.executable)
    options = given.parse_args()
    print(f"{'':<32}{'bars':>9}{'bars/s':>13}{'MB':>8}{'trades':>8}")
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "short.npz"
        make(options.bars, data)
        ours = {name: run(name, data, sys.executable) for name in OURS}
        for name, title in OURS.items():
            line(title, options.bars, ours[name])
        for name in OTHERS:
            found = run(name, data, options.others)
            if "failed" in found:
                print(f"{name:<32} not run: {found['failed'][0]}")
                continue
            ratio = found["seconds"] / ours["slipway"]["seconds"]
            same = agreement(ours["slipway"]["trades"], found["trades"])
            told = f"  slipway is {ratio:,.1f} × as fast; {same:.2%} of the trades agree"
            line(name, options.bars, found, told)

        whole = Path(folder) / "long.npz"
        make(options.long, whole)
        for name, title in OURS.items():
            found = run(name, whole, sys.executable)
            speed = options.long / found["seconds"]
            before = options.bars / ours[name]["seconds"]
            met = speed >= TARGETS[name] and found["megabytes"] <= MEMORY_MB
            told = f"  target {TARGETS[name]:,}: {'met' if met else 'not met'};"
            line(title, options.long, found, told, f"{speed / before:.2f} of the short run's speed")


if __name__ == "__main__":
    main()
