"""Strategies on three machines: one of them goes, and every strategy decides again elsewhere."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from tempfile import mkdtemp

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from control_plane.containers.images import ROOT, ImageBuilder
from control_plane.infra.clock import RealClock
from tests.conftest import wait_until
from tests.e2e.ledger import Ledger
from tests.fakes.harbour import Harbour
from tests.fakes.swarm import MANAGER, Swarm

pytestmark = [pytest.mark.e2e, pytest.mark.docker, pytest.mark.swarm, pytest.mark.timeout(400)]

SHIPS = 12
PASSWORD = "p" * 40
NETWORK = "slipway-bus"
REDIS = f"""redis-server --bind 0.0.0.0 --port 0 --tls-port 6379
--tls-cert-file /certificate --tls-key-file /key --tls-ca-cert-file /certificate
--tls-auth-clients no --user default off
--user slipway on >{PASSWORD} ~* &* +@all --acl-pubsub-default resetchannels --save  --appendonly no
"""
STEADY = """
from strategy_runtime import BaseStrategy


class Steady(BaseStrategy):
    instrument = "fut:B-BTC_USDT"
    resolution = "1m"

    def on_candle(self, candle):
        count = self.state["count"] = self.state.get("count", 0) + 1
        if count % 4 == 0:
            return self.exit_long()
        if count % 2 == 0:
            return self.long(stop_loss=candle.close * 0.9)
"""


@pytest.fixture
def swarm() -> Iterator[Swarm]:
    cache = ROOT / ".slipway" / "wheels"
    image = ImageBuilder(None, cache, RealClock(), lambda line: None).build().name
    made = Swarm(Path(mkdtemp(prefix="sw", dir="/tmp")))
    try:
        made.up()
        made.load(image)
        made.load(redis_image(), [1])
        yield made
    finally:
        made.down()


@pytest.fixture
def harbour(swarm: Swarm, tmp_path: Path) -> Iterator[Harbour]:
    certificate, key = self_signed(tmp_path)
    start_redis(swarm, certificate, key)
    made = Harbour(
        tmp_path,
        "swarm",
        {
            "SLIPWAY_FLEET__DOCKER_HOST": swarm.host(1),
            "SLIPWAY_FLEET__BUS_URL": "rediss://redis:6379/0",
            "SLIPWAY_FLEET__BUS_CA": str(certificate),
            "SLIPWAY_FLEET__SWARM_NETWORK": NETWORK,
            "SLIPWAY_FLEET__SWARM_ENGINES_ARE_HARDENED": "true",
            "SLIPWAY_FLEET__SPAWN_PER_SECOND": "10",
            "SLIPWAY_REDIS_URL": f"rediss://slipway:{PASSWORD}@{MANAGER}:6379/0"
            f"?ssl_ca_certs={certificate}",
            "SLIPWAY_MARKET__SPEED": "60",
        },
    )
    yield made
    if made.log.exists():
        print(made.tail(60))
    made.end()


async def test_a_machine_that_is_lost_costs_no_signal(harbour: Harbour, swarm: Swarm) -> None:
    harbour.start()
    await harbour.ready()
    ledger = Ledger(harbour.data_dir)
    (harbour.folder / "steady.py").write_text(STEADY)
    # Its check runs where none of our files is seen, and gets its candles all the same.
    swarm.docker(1, "node", "update", "--availability", "pause", "node1")
    assert "passed its check" in run(harbour, "upload", "steady.py", "--name", "steady")
    swarm.docker(1, "node", "update", "--availability", "active", "node1")
    for n in range(SHIPS):
        run(harbour, "deploy", "steady", "--name", f"ship{n}", "--memory-mb", "96")
    await wait_until(lambda: decided(ledger, 3) == SHIPS, 90, "three decisions of each")

    closed_in(swarm)
    places = [swarm.docker(node, "ps", "--quiet").split() for node in (1, 2, 3)]
    assert all(places), "they are spread"
    machines = json.loads(harbour.command("fleet", "nodes", "--json").stdout)
    assert [(m["name"], m["state"]) for m in machines] == [(f"node{n}", "ready") for n in (1, 2, 3)]
    assert all(m["promised_mb"] >= 96 for m in machines)
    swarm.kill(3)
    began = time.monotonic()
    before = latest(ledger)
    await wait_until(
        lambda: all(opened > before + 2 * 60_000 for opened in newest(ledger)),
        120,
        "decisions of each after the loss",
    )
    took = time.monotonic() - began
    print(f"{len(places[2])} of {SHIPS} were on the lost machine; all decide again: {took:.1f} s")

    ledger.check()
    told = "SELECT count(*) FROM generation WHERE reason LIKE '%node3 is gone%'"
    assert ledger.rows(told)[0][0] == len(places[2])
    run(harbour, "delete", "ship0")
    await wait_until(lambda: len(services(swarm)) == SHIPS - 1, 30, "its service's end")


def closed_in(swarm: Swarm) -> None:
    """One of them as its own machine shows it."""
    one = swarm.docker(2, "ps", "--quiet").split()[0]
    shown = swarm.docker(
        2,
        "inspect",
        one,
        "--format",
        "{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}} {{.Config.User}} "
        "{{.HostConfig.PidsLimit}} {{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}} "
        "{{len .NetworkSettings.Networks}}",
    )
    memory = 96 * 1024**2
    # An engine's own drop of all capabilities is spelled out.
    assert shown.startswith("true [")
    assert shown.endswith(f"] 10001:10001 64 {memory}  1")
    status = swarm.docker(2, "exec", one, "python3", "-c", "print(open('/proc/1/status').read())")
    facts = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
    assert (facts["NoNewPrivs"], facts["Seccomp"], facts["CapEff"]) == ("1", "2", "0" * 16)
    reach = "import socket; socket.create_connection(('10.211.0.254', 22), 2)"
    with pytest.raises(Exception, match="returned non-zero"):
        swarm.docker(2, "exec", one, "python3", "-c", reach)


def redis_image() -> str:
    """From this host's own packages, as `images/local_services` makes it."""
    programs = "/usr/bin/redis-server /usr/bin/redis-cli"
    making = f"python3 images/rootfs.py files {programs} | docker import - slipway/redis:swarm"
    subprocess.run(["sh", "-c", making], cwd=ROOT, check=True, capture_output=True, timeout=120)
    return "slipway/redis:swarm"


def start_redis(swarm: Swarm, certificate: Path, key: Path) -> None:
    swarm.docker(1, "network", "create", "--driver", "overlay", "--internal", NETWORK)
    swarm.docker(1, "network", "create", "--driver", "overlay", "front")
    swarm.docker(1, "config", "create", "certificate", str(certificate))
    swarm.docker(1, "secret", "create", "key", str(key))
    swarm.docker(
        1, "service", "create", "--quiet", "--detach", "--no-resolve-image", "--name", "redis",
        "--network", NETWORK, "--network", "front", "--endpoint-mode", "dnsrr",
        "--publish", "mode=host,target=6379,published=6379",
        "--constraint", "node.role==manager",
        "--config", "source=certificate,target=/certificate",
        "--secret", "source=key,target=/key",
        "slipway/redis:swarm", *REDIS.strip().replace("\n", " ").split(" "),
    )  # fmt: skip
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection((MANAGER, 6379), 2):
            return
        time.sleep(0.2)
    raise AssertionError(swarm.docker(1, "service", "logs", "--tail", "20", "redis"))


def self_signed(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.now(UTC)
    names = [x509.DNSName("redis"), x509.IPAddress(ip_address(MANAGER))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, kept = folder / "certificate.pem", folder / "key.pem"
    shown.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    kept.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return shown, kept


def run(harbour: Harbour, *arguments: str) -> str:
    answer = harbour.command(*arguments)
    assert answer.returncode == 0, answer.stderr + answer.stdout
    return answer.stdout


def services(swarm: Swarm) -> list[str]:
    return swarm.docker(
        1, "service", "ls", "--quiet", "--filter", "label=slipway.deployment"
    ).split()


def decided(ledger: Ledger, times: int) -> int:
    """How many deployments have decided at least so often."""
    query = f"SELECT deployment_id FROM execution GROUP BY 1 HAVING count(*) >= {times}"
    return len(ledger.rows(query))


def newest(ledger: Ledger) -> list[int]:
    query = "SELECT max(trigger_open_ms) FROM execution GROUP BY deployment_id"
    return [row[0] for row in ledger.rows(query)]


def latest(ledger: Ledger) -> int:
    return max(newest(ledger))
