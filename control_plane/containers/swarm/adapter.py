"""Strategies as services of a Docker Swarm, so that they spread over machines.

A launch is a service of one task that the swarm never restarts: a lost node, like a crash, is the
reconciler's business, and each start is a generation with a Redis user of its own. So a machine
that was only cut off may go on running an old generation, and nobody hears it.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from control_plane.containers.docker import parse as docker_parse
from control_plane.containers.docker.adapter import MAKE_SECONDS, SECCOMP
from control_plane.containers.docker.engine import Engine, Gone
from control_plane.containers.environment import BusAddress
from control_plane.containers.errors import EngineUnreachable, LaunchFailed, LaunchRefused
from control_plane.containers.labels import LABEL_INSTALLATION, labels
from control_plane.containers.models import (
    Facts,
    Handle,
    Node,
    Printed,
    Running,
    RunningJob,
    Spec,
)
from control_plane.containers.output import LOG_TAIL_LINES, OUTPUT_LINES, printable
from control_plane.containers.swarm import parse
from control_plane.containers.swarm.parse import LABEL_ENDED, Seen
from control_plane.containers.swarm.template import (
    GRACE_SECONDS,
    Template,
    differences,
    over_tcp,
    service,
)
from control_plane.core.clock import Clock
from control_plane.core.ids import DeploymentId
from control_plane.infra.failpoints import Failpoints

LOOK_SECONDS = 1.0
POLL_SECONDS = 0.2
END_SECONDS = GRACE_SECONDS + 10.0
TAKES_SECCOMP = (1, 44)  # the engine's API since which a service names its profile


@dataclass(frozen=True)
class SwarmLauncher:
    installation: str
    image: str
    bus: BusAddress
    engine: Engine
    clock: Clock
    failpoints: Failpoints
    network: str
    constraints: tuple[str, ...] = ()
    engines_are_hardened: bool = False
    candles_volume: str | None = None
    seccomp: Path = SECCOMP
    _last_words: dict[Handle, str] = field(default_factory=dict)  # the swarm forgets them

    @property
    def name(self) -> str:
        return "swarm"

    @property
    def shows_files(self) -> bool:
        """Other nodes do not see this machine's folders, but perhaps a volume that each has."""
        return self.candles_volume is not None

    async def available(self) -> str | None:
        try:
            await self._template()
        except (EngineUnreachable, LaunchFailed, LaunchRefused) as error:
            return str(error)
        return None

    async def launch(self, spec: Spec) -> Handle:
        template = await self._template()
        await self._admit(spec)
        asked = service(template, spec)
        made = await self.engine.call(
            "create_service",
            asked,
            name=spec.name,
            labels=labels(spec),
            # Looked at before it starts.
            mode={"Replicated": {"Replicas": 0}},
            # A virtual address needs IPVS, which not every kernel has, and nobody calls a strategy.
            endpoint_spec={"Mode": "dnsrr"},
            within=MAKE_SECONDS,
        )
        handle = Handle(str(made["ID"]))
        await self.failpoints.hit(spec.after_create)

        found = await self.engine.call("inspect_service", handle)
        wrong = differences(asked, found["Spec"]["TaskTemplate"])
        if wrong:
            await self.remove(handle)
            raise LaunchRefused(
                f"The swarm took a service otherwise than asked: {'; '.join(wrong[:3])}.",
                remedy="Its manager is perhaps of a version that does not know these fields.",
            )
        await self._scale(found, 1)
        return handle

    async def list_ours(self) -> list[Running]:
        return [running for one in await self._seen() if (running := one.running)]

    async def list_jobs(self) -> list[RunningJob]:
        return [job for one in await self._seen() if (job := one.job)]

    async def stop(self, handle: Handle, grace_seconds: float) -> None:
        """The grace is the service's own, which was said when it was made."""
        with suppress(Gone):
            found = await self.engine.call("inspect_service", handle)
            if parse.replicas(found):
                self._last_words[handle] = await self.logs(handle)
                await self._scale(found, 0, {LABEL_ENDED: "true"})
            until = self.clock.monotonic() + END_SECONDS
            while self.clock.monotonic() < until and await self._is_alive(handle):
                await self.clock.sleep(POLL_SECONDS)

    async def remove(self, handle: Handle) -> None:
        self._last_words.pop(handle, None)
        with suppress(Gone):
            await self.engine.call("remove_service", handle)

    async def logs(self, handle: Handle) -> str:
        lines = await self._lines(handle, tail=LOG_TAIL_LINES)
        return printable(lines) or self._last_words.get(handle, "")

    async def output(self, handle: Handle, after_ns: int) -> list[Printed]:
        since = after_ns // 1_000_000_000  # the swarm counts whole seconds
        lines = await self._lines(handle, timestamps=True, since=since, tail=OUTPUT_LINES)
        return docker_parse.printed(lines, after_ns)

    async def facts(self, handle: Handle) -> Facts | None:
        one = await self._one(handle)
        return None if one is None else one.facts

    async def events(self) -> AsyncGenerator[DeploymentId, None]:
        """A swarm tells of no task's end: look often, at all of them in three calls."""
        before = {running.handle: running for running in await self.list_ours()}
        while True:
            await self.clock.sleep(LOOK_SECONDS)
            now = {running.handle: running for running in await self.list_ours()}
            for handle in before.keys() | now.keys():
                if before.get(handle) != now.get(handle):
                    yield (now.get(handle) or before[handle]).deployment
            before = now

    async def nodes(self) -> list[Node]:
        nodes = await self.engine.call("nodes")
        return parse.machines(nodes, await self.engine.call("tasks"))

    async def close(self) -> None:
        await self.engine.close()

    # ---- what the swarm shows --------------------------------------------------------------------

    async def _seen(self) -> list[Seen]:
        ours = {"label": f"{LABEL_INSTALLATION}={self.installation}"}
        services = await self.engine.call("services", filters=ours)
        tasks = await self.engine.call("tasks") if services else []
        nodes = await self.engine.call("nodes") if services else []
        return parse.seen(services, tasks, nodes)

    async def _one(self, handle: Handle) -> Seen | None:
        with suppress(Gone):
            found = await self.engine.call("inspect_service", handle)
            tasks = await self.engine.call("tasks", filters={"service": handle})
            return parse.seen([found], tasks, await self.engine.call("nodes"))[0]
        return None

    async def _is_alive(self, handle: Handle) -> bool:
        tasks: Sequence[Mapping[str, Any]] = await self.engine.call(
            "tasks", filters={"service": handle}
        )
        down = {
            node["ID"] for node in await self.engine.call("nodes") if _is_down(node)
        }  # which will not tell us of any end
        return any(
            task["Status"]["State"] not in parse.OVER and task.get("NodeID") not in down
            for task in tasks
        )

    async def _lines(self, handle: Handle, **asked: Any) -> str:
        """Nothing from a machine that is gone, which the swarm would wait for."""
        one = await self._one(handle)
        if one is None or one.task is None or one.is_lost:
            return ""
        with suppress(Gone, EngineUnreachable):  # what it printed decides nothing
            lines = await self.engine.read(
                "service_logs", handle, stdout=True, stderr=True, is_tty=False, **asked
            )
            return lines.decode("utf-8", "replace")
        return ""

    # ---- what a launch needs ---------------------------------------------------------------------

    async def _scale(
        self, found: Mapping[str, Any], number: int, more: Mapping[str, str] | None = None
    ) -> None:
        spec = found["Spec"]
        await self.engine.call(
            "update_service",
            found["ID"],
            found["Version"]["Index"],
            task_template=spec["TaskTemplate"],
            name=spec["Name"],
            labels={**(spec.get("Labels") or {}), **(more or {})},
            mode={"Replicated": {"Replicas": number}},
            endpoint_spec=spec.get("EndpointSpec"),
            within=MAKE_SECONDS,
        )

    async def _admit(self, spec: Spec) -> None:
        """By memory, and before a service is made that would only wait."""
        wanted = spec.limits.memory_mb
        nodes = await self.nodes()
        if any(node.state == "ready" and node.free_mb >= wanted for node in nodes):
            return
        told = ", ".join(
            f"{n.name} {f'{n.free_mb} MB' if n.state == 'ready' else n.state}" for n in nodes
        )
        raise LaunchFailed(
            f"No machine has {wanted} MB to spare ({told}).",
            remedy="Add a node, stop something, or lower the deployment's memory.",
        )

    async def _template(self) -> Template:
        info = await self.engine.call("info")
        swarm = info.get("Swarm") or {}
        if swarm.get("LocalNodeState") != "active" or not swarm.get("ControlAvailable"):
            raise LaunchFailed(
                "This Docker engine manages no swarm.",
                remedy="Point SLIPWAY_FLEET__DOCKER_HOST at a manager (docker swarm init).",
            )
        network = await self._network()
        seccomp = await self._profile()
        return Template(
            await self._image(),
            str(network["Id"]),
            self.bus,
            self.constraints,
            self.candles_volume,
            seccomp,
        )

    async def _network(self) -> Mapping[str, Any]:
        try:
            found: Mapping[str, Any] = await self.engine.call("inspect_network", self.network)
        except Gone as error:
            raise LaunchFailed(
                f"The swarm has no network {self.network!r}.",
                remedy="docker network create --driver overlay --internal --opt encrypted "
                f"{self.network}",
            ) from error
        if found.get("Driver") != "overlay" or not found.get("Internal"):
            raise LaunchRefused(
                f"The network {self.network!r} would let strategies out: "
                "it must be an internal overlay.",
                remedy="See SLIPWAY_FLEET__SWARM_NETWORK.",
            )
        is_encrypted = "encrypted" in (found.get("Options") or {})
        if self.bus.tcp is None or not (self.bus.tcp.startswith("rediss://") or is_encrypted):
            raise LaunchRefused(
                "Strategies on other machines would reach Redis in the clear, or not at all.",
                remedy="Set SLIPWAY_FLEET__BUS_URL to rediss://HOST:PORT (with "
                "SLIPWAY_FLEET__BUS_CA), or encrypt the overlay.",
            )
        return found

    async def _image(self) -> str:
        """By digest from a registry, or by the id of an image that each node was given."""
        if "@sha256:" in self.image:
            return self.image
        try:
            return str((await self.engine.call("inspect_image", self.image))["Id"])
        except Gone as error:
            raise LaunchFailed(
                f"The Docker engine has no image {self.image!r}.",
                remedy="Run `slipway images build`, and load it on every node.",
            ) from error

    async def _profile(self) -> str | None:
        version = await self.engine.call("version")
        api = tuple(int(part) for part in str(version["ApiVersion"]).split("."))
        if api >= TAKES_SECCOMP:
            return over_tcp(self.seccomp.read_text())
        if self.engines_are_hardened:
            return None
        raise LaunchRefused(
            "These engines take no seccomp profile and no no-new-privileges with a service.",
            remedy="Start every one with --no-new-privileges and --seccomp-profile FILE (which "
            "`slipway images seccomp --swarm` prints), and say so: "
            "SLIPWAY_FLEET__SWARM_ENGINES_ARE_HARDENED=true.",
        )


def _is_down(node: Mapping[str, Any]) -> bool:
    return bool(node["Status"]["State"] == "down")
