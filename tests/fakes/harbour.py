"""The whole product as a newcomer runs it: the `slipway` command as a process of its own."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from control_plane.infra.clock import RealClock
from control_plane.infra.embedded import EmbeddedServer
from control_plane.infra.rng import SystemRng

START_SECONDS = 60.0
# No test asks the real one: nobody listens at the discard port.
NO_EXCHANGE = {
    f"SLIPWAY_COINDCX__{name}": "http://127.0.0.1:9"
    for name in ("API_URL", "PUBLIC_URL", "STREAM_URL", "SPOT_STREAM_URL")
}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass
class Harbour:
    """One installation in a folder of its own. It can be killed and started again."""

    folder: Path
    launcher: str = "process"
    settings: dict[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> Path:
        return self.folder / "slipway.log"

    @property
    def data_dir(self) -> Path:
        return self.folder / "data"

    def environment(self) -> dict[str, str]:
        kept = {key: value for key, value in os.environ.items() if not key.startswith("SLIPWAY_")}
        return {
            **kept,
            "SLIPWAY_DATA_DIR": str(self.data_dir),
            "SLIPWAY_PORT": str(self.port),
            "SLIPWAY_LOG_JSON": "true",
            "SLIPWAY_FLEET__LAUNCHER": self.launcher,
            **NO_EXCHANGE,
            **self.settings,
        }

    def start(self, *arguments: str) -> None:
        """`slipway up …`, or another command that runs until it is told to stop."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "control_plane.cli", *(arguments or ("up",))],
                cwd=self.folder,
                env=self.environment(),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    async def ready(self, seconds: float = START_SECONDS) -> None:
        deadline = time.monotonic() + seconds
        last = "nothing yet"
        async with httpx.AsyncClient() as client:
            while time.monotonic() < deadline:
                assert self.process is not None
                assert self.process.poll() is None, f"it ended by itself:\n{self.tail()}"
                try:
                    answer = await client.get(f"http://127.0.0.1:{self.port}/health/ready")
                    if answer.status_code == 200:
                        return
                    last = answer.text
                except httpx.HTTPError as error:
                    last = str(error)
                await asyncio.sleep(0.1)
        raise AssertionError(f"not ready after {seconds:g} s: {last}\n{self.tail()}")

    def kill(self) -> None:
        """As the kernel would: no last words, and nothing else dies with it."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(10)

    def stop(self, seconds: float = 30) -> int:
        """Ctrl-C, and wait for the end."""
        assert self.process is not None
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(seconds)

    def end(self) -> None:
        """Leave nothing behind, whatever state the test ended in."""
        if self.process is not None and self.process.poll() is None:
            try:
                self.stop(20)
            except subprocess.TimeoutExpired:
                self.kill()
        if not (self.data_dir / "installation").is_file() or not self.processes():
            return
        subprocess.run(
            [sys.executable, "-m", "control_plane.cli", "down"],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=60,
            check=False,
        )

    def tail(self, lines: int = 30) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])

    def token(self) -> str:
        return (self.data_dir / "operator.token").read_text().strip()

    def socket_folder(self) -> str:
        return str(EmbeddedServer(self.data_dir, RealClock(), SystemRng()).folder)

    def kill_redis(self) -> None:
        os.kill(int((self.data_dir / "redis.pid").read_text()), signal.SIGKILL)

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The API, as the local operator."""
        async with httpx.AsyncClient(timeout=20) as client:
            answer = await client.request(
                method,
                f"http://127.0.0.1:{self.port}/api/v1{path}",
                json=body,
                headers={"Authorization": f"Bearer {self.token()}"},
            )
        assert answer.status_code < 400, f"{method} {path}: {answer.status_code} {answer.text}"
        return answer.json() if answer.content else None

    def command(self, *arguments: str, seconds: float = 60) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "control_plane.cli", *arguments],
            cwd=self.folder,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    # ---- what runs -------------------------------------------------------------------------------

    def fleet(self) -> list[str]:
        """What strategies run in, by names that another launch would not have."""
        if self.launcher == "docker":
            return self._containers("--filter", "label=slipway.deployment")
        return [
            str(pid)
            for pid, line in self._found()
            if "strategy_runtime.main" in line and "shim.py" not in line
        ]

    def processes(self) -> list[str]:
        """Everything of this installation that is still there."""
        containers = self._containers() if self.launcher == "docker" else []
        return [line for _, line in self._found()] + containers

    def _containers(self, *only: str) -> list[str]:
        name = (self.data_dir / "installation").read_text().strip()
        label = f"label=slipway.installation={name}"
        listed = subprocess.run(
            ["docker", "ps", "--all", "--quiet", "--no-trunc", "--filter", label, *only],
            capture_output=True,
            text=True,
            check=True,
        )
        return sorted(listed.stdout.split())

    def _found(self) -> list[tuple[int, str]]:
        """Processes whose arguments or environment name our folders."""
        found = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                names = line + (entry / "environ").read_bytes().decode(errors="replace")
            except OSError:
                continue
            ours = str(self.folder) in names or self.socket_folder() in names
            if ours and "-m pytest" not in line:
                found.append((int(entry.name), line))
        return sorted(found)
