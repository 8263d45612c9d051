"""Every benchmark in turn, each in a process of its own: `python -m benchmarks [NAME …]`."""

import subprocess
import sys
from pathlib import Path

NAMES = (
    "ticks",
    "closing",
    "loading",
    "runtime_memory",
    "signal_latency",
    "plan",
    "fanout",
    "halting",
    "deploy",
    "recovery",
    "neighbour",
    "coindcx_sim",
    "envelopes",
    "rotation",
    "api_load",
    "jobs",
    "backtest",
)


BY_HAND = ("fleet",)  # it fills a machine: only when asked for by name


def main(asked: list[str]) -> int:
    unknown = sorted(set(asked) - {*NAMES, *BY_HAND})
    if unknown:
        print(f"There is no benchmark {unknown[0]!r}. There are: {', '.join(NAMES + BY_HAND)}.")
        return 2

    failed = []
    for name in asked or NAMES:
        print(f"\n== {name}", flush=True)
        here = Path(__file__).parents[1]
        if subprocess.run(
            [sys.executable, "-m", f"benchmarks.{name}"], cwd=here, check=False
        ).returncode:
            failed.append(name)

    print(f"\n{'Failed: ' + ', '.join(failed) if failed else 'All of them ran.'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
