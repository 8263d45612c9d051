"""The one shape of a strategy's service, and the proof that the swarm took it so.

Pure, like the container's own template. What a service cannot say (no runtime, no swap limit, no
`network none`; before version 25 of the engine no seccomp profile either) is closed by the engines'
own options or by the network: see docs/scale.md.
"""

import json
from base64 import b64encode
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from control_plane.containers.docker.template import (
    CANDLES_FOLDER,
    MB,
    PYTHON,
    SHM_BYTES,
    USER,
)
from control_plane.containers.environment import BusAddress, environment
from control_plane.containers.labels import labels
from control_plane.containers.models import Spec

GRACE_SECONDS = 2
TMPFS_BYTES = 8 * MB
NANO = 1_000_000_000
# What an engine adds by itself, and that opens nothing.
DEFAULTS: Mapping[str, Any] = {
    "ContainerSpec.Isolation": "default",
    "ContainerSpec.DNSConfig": {},
    "Runtime": "container",
    "RestartPolicy.Delay": 5 * NANO,
}


@dataclass(frozen=True)
class Template:
    """What is alike in every service of this installation."""

    image: str  # an id that every node has, or a digest that it can pull
    network: str  # the id of the overlay on which Redis is reached
    bus: BusAddress
    constraints: tuple[str, ...] = ()
    candles_volume: str | None = None
    seccomp: str | None = None  # the profile itself, where engines take one with the service


def over_tcp(profile: str) -> str:
    """The sandbox's profile for where Redis is reached over a network: IPv4 beside Unix sockets."""
    found = json.loads(profile)
    ipv4 = {"index": 0, "value": 2, "valueTwo": 0, "op": "SCMP_CMP_EQ"}
    found["syscalls"].append({"names": ["socket"], "action": "SCMP_ACT_ALLOW", "args": [ipv4]})
    return json.dumps(found, indent=2)


def service(template: Template, spec: Spec) -> dict[str, Any]:
    """The task that a service runs, as the create call takes it."""
    memory = spec.limits.memory_mb * MB
    return {
        "ContainerSpec": _container(template, spec),
        "Resources": {
            "Limits": {
                "NanoCPUs": round(spec.limits.cpus * NANO),
                "MemoryBytes": memory,
                "Pids": spec.limits.pids,
            },
            # Reserved in full: a node takes no more strategies than it can feed.
            "Reservations": {"MemoryBytes": memory},
        },
        # Only the reconciler starts containers: each start is a generation of its own.
        "RestartPolicy": {"Condition": "none", "MaxAttempts": 0},
        "Placement": {"Constraints": list(template.constraints)},
        "Networks": [{"Target": template.network}],
        "LogDriver": {"Name": "json-file", "Options": {"max-size": "1m", "max-file": "2"}},
    }


def _container(template: Template, spec: Spec) -> dict[str, Any]:
    candles = None if spec.candles is None else f"{CANDLES_FOLDER}/{spec.candles.name}"
    variables = environment(spec, template.bus.url(spec), candles, template.bus.authority)
    privileges: dict[str, Any] = {}
    if template.seccomp is not None:
        profile = b64encode(template.seccomp.encode()).decode()
        privileges = {
            "Privileges": {
                "NoNewPrivileges": True,
                "Seccomp": {"Mode": "custom", "Profile": profile},
            }
        }
    return {
        "Image": template.image,
        "Command": [*PYTHON, spec.program],
        "Args": [],
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Labels": labels(spec),
        "User": USER,
        "Dir": "/tmp",  # noqa: S108 # inside the container
        "Hostname": "strategy",
        "Healthcheck": {"Test": ["NONE"]},
        "Init": True,
        "ReadOnly": True,
        "CapabilityDrop": ["ALL"],
        "StopGracePeriod": GRACE_SECONDS * NANO,
        "Mounts": _mounts(template, spec),
        "Ulimits": [
            {"Name": "nofile", "Soft": 128, "Hard": 128},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        **privileges,
    }


def _mounts(template: Template, spec: Spec) -> list[dict[str, Any]]:
    # Engines mount a tmpfs noexec, nosuid and nodev by themselves.
    found: list[dict[str, Any]] = [
        _tmpfs("/tmp", TMPFS_BYTES),  # noqa: S108 # inside the container
        _tmpfs("/dev/shm", SHM_BYTES),  # noqa: S108 # inside the container
    ]
    if spec.candles is not None and template.candles_volume is None:
        found.append(_tmpfs(CANDLES_FOLDER, spec.candles_bytes))
    elif spec.candles is not None:
        found.append(
            {
                "Type": "volume",
                "Source": template.candles_volume,
                "Target": CANDLES_FOLDER,
                "ReadOnly": True,
                "VolumeOptions": {"NoCopy": True},
            }
        )
    return found


def _tmpfs(target: str, size: int) -> dict[str, Any]:
    return {
        "Type": "tmpfs",
        "Target": target,
        "TmpfsOptions": {"SizeBytes": size, "Mode": 0o1777},
    }


def differences(asked: Mapping[str, Any], found: Mapping[str, Any]) -> list[str]:
    """What the swarm took otherwise than asked, each as `field: found, not asked`."""
    return list(_differing("", asked, found))


def _differing(path: str, asked: Any, found: Any) -> Iterator[str]:
    if path == "ContainerSpec.Env":  # by their names alone: one of them holds a password
        names = {str(line).partition("=")[0] for line in {*asked} ^ {*(found or ())}}
        yield from (f"{path}: {name}" for name in sorted(names))
    elif isinstance(asked, Mapping) or isinstance(found, Mapping):
        ours, theirs = asked or {}, found or {}
        for name in sorted({*ours, *theirs}):
            inner = f"{path}.{name}" if path else name
            yield from _differing(inner, ours.get(name), theirs.get(name))
    elif not _same(path, asked, found):
        yield f"{path}: {found!r:.120}, not {asked!r:.120}"


def _same(path: str, asked: Any, found: Any) -> bool:
    if not asked and not found:
        return True
    if asked is None:
        return bool(DEFAULTS.get(path) == found)
    if _is_list(asked) and _is_list(found):
        return len(asked) == len(found) and all(
            not [*_differing("", one, other)] for one, other in zip(asked, found, strict=True)
        )
    return bool(asked == found)


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str)
