"""The simulated venue in a process of its own, for tests and benchmarks that cross a network."""

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Served:
    url: str
    sockets: dict[str, str]
    pid: int

    def admin(self, command: str, **fields: Any) -> Any:
        request = urllib.request.Request(
            f"{self.url}/_sim/{command}", json.dumps(fields).encode(), method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def served(*options: str) -> Iterator[Served]:
    """`--sockets`, `--driven`, `--switch NAME=VALUE`…; ends with the block."""
    command = [sys.executable, "-m", "tests.coindcx_sim", "--port", "0", *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        sockets: dict[str, str] = {}
        for line in process.stdout:
            name, url = line.split()
            if name == "ready":
                yield Served(url, sockets, process.pid)
                break
            sockets[name] = url
        else:
            raise RuntimeError("the simulated exchange did not start")
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
