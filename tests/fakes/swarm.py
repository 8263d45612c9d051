"""Three real Docker engines on one machine, each in a network namespace of its own: a cluster.

Needs root, iproute2 and dockerd. Its machines reach each other over a bridge and nothing else; they
have no default route, so nobody waits for a registry.
"""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from control_plane.containers.docker.adapter import SECCOMP
from control_plane.containers.swarm.template import over_tcp

NODES = (1, 2, 3)
BRIDGE = "slipsw0"
NET = "10.211.0"
MANAGER = f"{NET}.1"
TOOLS = ("dockerd", "docker", "ip", "nsenter", "unshare", "iptables", "redis-server")


def is_possible() -> bool:
    return os.geteuid() == 0 and all(shutil.which(tool, path=_path()) for tool in TOOLS)


@dataclass
class Swarm:
    folder: Path  # a short path: sockets lie in it
    _engines: dict[int, subprocess.Popen[bytes]] = field(default_factory=dict)

    def host(self, node: int) -> str:
        return f"unix://{self.folder}/n{node}/s"

    def up(self) -> None:
        (self.folder / "seccomp.json").write_text(over_tcp(SECCOMP.read_text()))
        _run("ip", "link", "add", BRIDGE, "type", "bridge")
        _run("ip", "addr", "add", f"{NET}.254/24", "dev", BRIDGE)
        _run("ip", "link", "set", BRIDGE, "up")
        # An engine of the host's own drops what is forwarded, and has bridged frames filtered too.
        _run("iptables", "-I", "FORWARD", "-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT")
        for node in NODES:
            self._plug_in(node)
        with ThreadPoolExecutor() as pool:
            list(pool.map(self.start, NODES))
        self.docker(1, "swarm", "init", "--advertise-addr", MANAGER, "--listen-addr", MANAGER)
        token = self.docker(1, "swarm", "join-token", "--quiet", "worker")
        for node in NODES[1:]:
            join = ("swarm", "join", "--token", token, "--advertise-addr", f"{NET}.{node}")
            self.docker(node, *join, MANAGER)
        self.docker(1, "swarm", "update", "--dispatcher-heartbeat", "1s")

    def start(self, node: int) -> None:
        home = self.folder / f"n{node}"
        home.mkdir(parents=True, exist_ok=True)
        # Not `ip netns exec`, which hides the control groups.
        engine = (
            f"hostname node{node}; exec dockerd -H {self.host(node)} --data-root {home}/d"
            f" --exec-root {home}/x --pidfile {home}/pid --bip 172.29.{node}.1/24"
            f" --default-address-pool base=172.28.{64 * (node - 1)}.0/18,size=24"
            f" --no-new-privileges --seccomp-profile {self.folder}/seccomp.json"
        )
        with (home / "log").open("ab") as log:
            self._engines[node] = subprocess.Popen(
                [*_inside(node), "unshare", "--uts", "sh", "-c", engine],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env=os.environ | {"PATH": _path()},
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with suppress(subprocess.CalledProcessError):
                self.docker(node, "info")
                return
            time.sleep(0.2)
        raise AssertionError(f"node{node} does not start:\n{(home / 'log').read_text()[-3000:]}")

    def kill(self, node: int) -> None:
        """As if its machine lost its power: engine, containers and all."""
        engine = self._engines.pop(node, None)
        if engine is not None:
            engine.kill()
            engine.wait(20)
        for _ in range(50):  # a shim that dies last may yet start something
            found = _living(node, f"{self.folder}/n{node}/")
            if not found:
                return
            for process in found:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.1)

    def down(self) -> None:
        for node in NODES:
            self.kill(node)
        for node in NODES:
            _run("ip", "netns", "del", _namespace(node), check=False)
            _run("ip", "link", "del", _veth(node), check=False)
        _run("ip", "link", "del", BRIDGE, check=False)
        rule = ("-i", BRIDGE, "-o", BRIDGE, "-j", "ACCEPT")
        _run("iptables", "-D", "FORWARD", *rule, check=False)
        mounts = [line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()]
        for mount in sorted((m for m in mounts if m.startswith(f"{self.folder}/")), reverse=True):
            _run("umount", "--lazy", mount, check=False)
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, image: str, nodes: Sequence[int] = NODES) -> None:
        """From the host's own engine, for there is no registry."""
        archive = self.folder / "image.tar"
        _run("docker", "save", "--output", str(archive), image)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda n: self.docker(n, "load", "--input", str(archive)), nodes))
        archive.unlink()

    def docker(self, node: int, *arguments: str) -> str:
        return _run("docker", "--host", self.host(node), *arguments)

    def _plug_in(self, node: int) -> None:
        name, veth = _namespace(node), _veth(node)
        _run("ip", "netns", "add", name)
        _run("ip", "-n", name, "link", "set", "lo", "up")
        peer = ("peer", "name", "eth0", "netns", name)
        _run("ip", "link", "add", veth, "type", "veth", *peer)
        _run("ip", "link", "set", veth, "master", BRIDGE, "up")
        _run("ip", "-n", name, "addr", "add", f"{NET}.{node}/24", "dev", "eth0")
        _run("ip", "-n", name, "link", "set", "eth0", "up")


def _living(node: int, folder: str) -> list[int]:
    """Whatever runs in its namespace or names its folder: engine, shims, containers."""
    inside = _run("ip", "netns", "pids", _namespace(node), check=False).split()
    found = {int(pid) for pid in inside}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes()
                if folder.encode() in words and b"pytest" not in words:
                    found |= {int(entry.name), *_children(int(entry.name))}
    return sorted(found)


def _children(process: int) -> list[int]:
    with suppress(OSError):
        return [
            int(child)
            for task in Path(f"/proc/{process}/task").iterdir()
            for child in (task / "children").read_text().split()
        ]
    return []


def _inside(node: int) -> tuple[str, str]:
    return ("nsenter", f"--net=/run/netns/{_namespace(node)}")


def _namespace(node: int) -> str:
    return f"slipsw{node}"


def _veth(node: int) -> str:
    return f"slipswv{node}"


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"


def _run(*command: str, check: bool = True) -> str:
    answer = subprocess.run(
        command,
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
        env=os.environ | {"PATH": _path()},
    )
    if check and answer.returncode:
        raise subprocess.CalledProcessError(
            answer.returncode, command, answer.stdout, answer.stderr
        )
    return answer.stdout.strip()
