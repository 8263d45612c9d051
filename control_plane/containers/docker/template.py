"""The one shape of a strategy's container, and the proof that the engine made it so.

Pure: from a launch to the engine's own JSON, and from what the engine says that it made to the list
of differences. A field that we did not ask for must be empty, so that neither a daemon's default
nor a newer engine's feature opens what is closed here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from posixpath import basename, dirname
from typing import Any

from control_plane.containers.environment import BusAddress, environment
from control_plane.containers.labels import labels
from control_plane.containers.models import Spec

MB = 1024 * 1024
CPU_PERIOD_US = 100_000
USER = "10001:10001"
BUS_FOLDER = "/run/slipway"
CANDLES_FOLDER = "/run/candles"
TMPFS = "rw,noexec,nosuid,nodev,size=8m,nr_inodes=1024,mode=1777"
SHM_BYTES = 1 * MB
PYTHON = ("python3", "-I", "-m")
JOB_CPU_SHARES = 128  # where processors are short, live strategies have eight times as much
PIDS_UNDER_RUNSC = 256  # it runs its own threads inside

# What every engine hides of /proc and /sys; a newer one may hide more.
MASKED = frozenset(
    {"/proc/asound", "/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats"}
    | {"/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware"}
)
READ_ONLY = frozenset({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"})


@dataclass(frozen=True)
class Image:
    id: str
    env: tuple[str, ...] = ()
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Template:
    """What is alike in every container of this installation."""

    image: Image
    runtime: str
    seccomp: str  # the profile itself
    bus: BusAddress
    candles_volume: str | None = None  # which holds candles, if they are in no folder of the host


def container(template: Template, spec: Spec) -> dict[str, Any]:
    """The body of the engine's create call."""
    inside = f"{BUS_FOLDER}/{basename(template.bus.socket or '')}"
    variables = environment(spec, template.bus.url(spec, inside), _candles_inside(spec.candles))
    return {
        "Image": template.image.id,
        "Entrypoint": [*PYTHON, spec.program],
        "Cmd": [],
        "Env": [f"{name}={value}" for name, value in variables.items()],
        "Labels": labels(spec),
        "User": USER,
        "WorkingDir": "/tmp",  # noqa: S108 # inside the container
        "Hostname": "strategy",
        "Healthcheck": {"Test": ["NONE"]},
        "AttachStdout": False,
        "AttachStderr": False,
        "Tty": False,
        "OpenStdin": False,
        "HostConfig": _host(template, spec),
    }


def _host(template: Template, spec: Spec) -> dict[str, Any]:
    memory = spec.limits.memory_mb * MB
    pids = spec.limits.pids
    is_job = spec.candles is not None
    return {
        "Runtime": template.runtime,
        "Memory": memory,
        "MemorySwap": memory,
        "CpuPeriod": CPU_PERIOD_US,
        "CpuQuota": round(spec.limits.cpus * CPU_PERIOD_US),
        "CpuShares": JOB_CPU_SHARES if is_job else 0,  # 0 is the engine's own 1024
        "PidsLimit": max(pids, PIDS_UNDER_RUNSC) if "runsc" in template.runtime else pids,
        "ReadonlyRootfs": True,
        "Tmpfs": {"/tmp": TMPFS},  # noqa: S108 # inside the container
        "Mounts": _mounts(template, spec.candles),
        "NetworkMode": "none",
        "IpcMode": "private",
        "CgroupnsMode": "private",
        "ShmSize": SHM_BYTES,
        "CapDrop": ["ALL"],
        "SecurityOpt": ["no-new-privileges", f"seccomp={template.seccomp}"],
        "Init": True,
        # Never nproc: the kernel counts it per user over all containers.
        "Ulimits": [
            {"Name": "nofile", "Soft": 128, "Hard": 128},
            {"Name": "core", "Soft": 0, "Hard": 0},
        ],
        "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}},
        "RestartPolicy": {"Name": "no", "MaximumRetryCount": 0},
        # A host out of memory loses a job first, then a strategy, and us last.
        "OomScoreAdj": 800 if is_job else 500,
    }


def _mounts(template: Template, candles: Path | None) -> list[dict[str, Any]]:
    bus = template.bus
    found = [_mount(bus.volume, dirname(bus.socket or ""), BUS_FOLDER)]
    if candles is not None:
        # Of a volume all that it holds is seen, which is prices alone; of a folder the one file.
        volume = template.candles_volume
        target = CANDLES_FOLDER if volume is not None else _candles_inside(candles)
        found.append(_mount(volume, str(candles), str(target)))
    return found


def _mount(volume: str | None, path: str, target: str) -> dict[str, Any]:
    source: dict[str, Any] = {"Type": "bind", "Source": path}
    if volume is not None:
        source = {"Type": "volume", "Source": volume, "VolumeOptions": {"NoCopy": True}}
    return {**source, "Target": target, "ReadOnly": True}


def _candles_inside(candles: Path | None) -> str | None:
    return None if candles is None else f"{CANDLES_FOLDER}/{candles.name}"


def differences(asked: Mapping[str, Any], found: Mapping[str, Any], image: Image) -> list[str]:
    """What the engine made otherwise than asked, each as `field: found, not asked`."""
    host = dict(found.get("HostConfig") or {})
    config = dict(found.get("Config") or {})
    return [
        *_unequal("Image", asked["Image"], found.get("Image")),
        *_host_differences(asked["HostConfig"], host),
        *_env_differences(_merged(image.env, asked["Env"]), config.get("Env") or []),
        *_unequal("Labels", {**dict(image.labels), **asked["Labels"]}, config.get("Labels")),
        *_unequal("Mounts", _asked(asked["HostConfig"]), _mounted(found)),
        *(
            difference
            for name in ("Entrypoint", "Cmd", "User", "WorkingDir", "Tty", "OpenStdin", "Volumes")
            for difference in _unequal(name, asked.get(name), config.get(name))
        ),
    ]


def _host_differences(asked: Mapping[str, Any], found: dict[str, Any]) -> list[str]:
    masked, read_only = found.pop("MaskedPaths", None), found.pop("ReadonlyPaths", None)
    found.pop("ConsoleSize", None)  # of a client's terminal: it closes nothing
    wrong = [
        difference
        for name in sorted(asked.keys() | found.keys())
        for difference in _unequal(
            name, _plain(name, asked.get(name)), _plain(name, found.get(name))
        )
    ]
    wrong += [f"MaskedPaths: without {path}" for path in sorted(MASKED - set(masked or ()))]
    wrong += [f"ReadonlyPaths: without {path}" for path in sorted(READ_ONLY - set(read_only or ()))]
    return wrong


def _plain(name: str, value: Any) -> Any:
    """The engine adds names to limits and leaves out what is empty: compare what it means."""
    if name == "Ulimits":
        return sorted((limit["Name"], limit["Soft"], limit["Hard"]) for limit in value or [])
    if name == "Mounts":
        return [_without_empty(mount) for mount in value or []]
    return value


def _without_empty(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: inner for key, inner in value.items() if inner}


def _unequal(name: str, asked: Any, found: Any) -> list[str]:
    if asked == found or (not asked and not found):
        return []
    return [f"{name}: {_short(found)}, not {_short(asked)}"]


def _merged(image: Sequence[str], asked: Sequence[str]) -> list[str]:
    variables = dict(line.split("=", 1) for line in [*image, *asked])
    return [f"{name}={value}" for name, value in variables.items()]


def _env_differences(asked: Sequence[str], found: Sequence[str]) -> list[str]:
    """By their names alone: one of them holds a password."""
    differing = {line.partition("=")[0] for line in set(asked) ^ set(found)}
    return [f"Env: {name}" for name in sorted(differing)]


def _asked(host: Mapping[str, Any]) -> list[tuple[str, bool]]:
    return sorted((str(mount["Target"]), not mount["ReadOnly"]) for mount in host["Mounts"])


def _mounted(found: Mapping[str, Any]) -> list[tuple[str, bool]]:
    mounts = found.get("Mounts") or []
    return sorted((str(m.get("Destination")), bool(m.get("RW"))) for m in mounts)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 120 else f"{text[:117]}…"
