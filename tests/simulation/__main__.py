"""Many histories, as fast as they go; or one of them again.

    python -m tests.simulation [--seeds N] [--from N] [--jobs N] [--without RULE] [--seed N]

A failure prints its seed, the commit and the hash of the configuration: these three replay it.
"""

import argparse
import gc
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from hashlib import sha256
from multiprocessing import get_context

from loguru import logger

from tests.simulation.history import Outcome, sail
from tests.simulation.mutants import MUTANTS
from tests.simulation.sea import SCALE, SETTINGS, VENUE

CHUNK = 25


def run(seed: int, without: int | None) -> Outcome:
    if without is None:
        return sail(seed)
    return sail(seed, MUTANTS[without].refit, MUTANTS[without].desk)


def warm() -> None:
    """Before the workers are forked: what each would otherwise make for itself."""
    logger.remove()
    run(0, None)
    gc.collect()
    gc.freeze()


def some(first: int, count: int, without: int | None) -> list[Outcome]:
    gc.collect()
    gc.disable()  # a history leaves little behind, and the next chunk collects it
    return [run(seed, without) for seed in range(first, first + count)]


def configuration() -> str:
    return sha256(repr((SCALE, SETTINGS, VENUE)).encode()).hexdigest()[:12]


def commit() -> str:
    asked = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def told(outcome: Outcome) -> str:
    where = f"seed {outcome.seed}, commit {commit()}, configuration {configuration()}"
    return "\n".join([where, *(f"  {one}" for one in outcome.wrong)])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation")
    parser.add_argument("--seeds", type=int, default=1_000)
    parser.add_argument("--from", type=int, default=0, dest="first")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--without", type=int, choices=sorted(MUTANTS))
    parser.add_argument("--seed", type=int, help="one history, with everything that it logs")
    asked = parser.parse_args()
    if asked.seed is not None:
        outcome = run(asked.seed, asked.without)
        print(told(outcome), f"  digest {outcome.digest}, {outcome.facts}", sep="\n")
        return bool(outcome.wrong)

    warm()
    began = time.perf_counter()
    failed = done = 0
    starts = range(asked.first, asked.first + asked.seeds, CHUNK)
    with ProcessPoolExecutor(asked.jobs, get_context("fork")) as pool:
        waiting = [
            pool.submit(some, s, min(CHUNK, asked.first + asked.seeds - s), asked.without)
            for s in starts
        ]
        for each in waiting:
            for outcome in each.result():
                done += 1
                if outcome.wrong:
                    failed += 1
                    print(told(outcome), flush=True)
            if failed and asked.without is not None:
                for rest in waiting:
                    rest.cancel()
                break
    took = time.perf_counter() - began
    print(f"{done} histories in {took:.1f} s ({done / took:.0f} a second), {failed} of them wrong")
    print("The exchange is ours: what the real one hides, and for how long, is not measured.")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
