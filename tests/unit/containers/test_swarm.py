"""What a swarm is asked for, and what its own words mean to us. No engine."""

import json
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from control_plane.containers.docker.adapter import SECCOMP
from control_plane.containers.environment import BusAddress
from control_plane.containers.jobs import JobSpec
from control_plane.containers.launches import LaunchSpec
from control_plane.containers.models import Limits
from control_plane.containers.swarm import parse
from control_plane.containers.swarm.template import Template, differences, over_tcp, service
from control_plane.core.ids import DeploymentId, JobId

BUS = BusAddress(tcp="rediss://redis:6379/0", authority="PEM")
TEMPLATE = Template("sha256:1", "net1", BUS)
SPEC = LaunchSpec(
    "here", DeploymentId("dp1"), 3, "c" * 64, "b" * 64, "secret", Limits(128, 0.25, 64)
)
# As an engine returns what it was asked for.
ADDED: dict[str, Any] = {"Runtime": "container", "ForceUpdate": 0}


def test_a_service_is_closed_in_and_never_restarted_by_the_swarm() -> None:
    asked = service(TEMPLATE, SPEC)
    container = asked["ContainerSpec"]

    assert asked["RestartPolicy"]["Condition"] == "none"
    assert asked["Resources"]["Limits"] == {
        "NanoCPUs": 250_000_000,
        "MemoryBytes": 128 * 1024**2,
        "Pids": 64,
    }
    assert asked["Resources"]["Reservations"] == {"MemoryBytes": 128 * 1024**2}
    assert (container["ReadOnly"], container["CapabilityDrop"], container["User"]) == (
        True,
        ["ALL"],
        "10001:10001",
    )
    assert {mount["Target"]: mount["Type"] for mount in container["Mounts"]} == {
        "/tmp": "tmpfs",
        "/dev/shm": "tmpfs",
    }
    assert "SLIPWAY_BUS_CA=PEM" in container["Env"]
    assert "Privileges" not in container


def test_a_newer_engine_is_given_the_profile_with_the_service() -> None:
    given = service(Template("sha256:1", "net1", BUS, seccomp="{}"), SPEC)

    privileges = given["ContainerSpec"]["Privileges"]
    assert privileges["NoNewPrivileges"] is True
    assert privileges["Seccomp"] == {"Mode": "custom", "Profile": "e30="}


def test_a_job_has_room_for_its_candles_or_a_volume_with_them() -> None:
    job = JobSpec("inst", JobId("jb1"), 1, "c0", "b0", "pw", Path("/d/ab.candles"), SPEC.limits)
    fetching = replace(job, candles_bytes=4_800_000)

    room = service(TEMPLATE, fetching)["ContainerSpec"]["Mounts"][-1]
    volume = service(replace(TEMPLATE, candles_volume="prices"), job)["ContainerSpec"]["Mounts"][-1]

    assert room == {
        "Type": "tmpfs",
        "Target": "/run/candles",
        "TmpfsOptions": {"SizeBytes": 4_800_000, "Mode": 0o1777},
    }
    assert (volume["Source"], volume["Target"], volume["ReadOnly"]) == (
        "prices",
        "/run/candles",
        True,
    )
    for template, spec in ((TEMPLATE, fetching), (replace(TEMPLATE, candles_volume="prices"), job)):
        environment = service(template, spec)["ContainerSpec"]["Env"]
        assert "SLIPWAY_CANDLES=/run/candles/ab.candles" in environment
    assert len(service(TEMPLATE, SPEC)["ContainerSpec"]["Mounts"]) == 2, "a strategy has neither"


def test_what_the_engine_adds_by_itself_is_no_difference() -> None:
    asked = service(TEMPLATE, SPEC)
    found = {**deepcopy(asked), **ADDED}
    found["ContainerSpec"]["Isolation"] = "default"
    del found["ContainerSpec"]["Args"]

    assert differences(asked, found) == []


@pytest.mark.parametrize(
    ("place", "value", "told"),
    [
        ("ContainerSpec.ReadOnly", False, "ContainerSpec.ReadOnly: False, not True"),
        ("ContainerSpec.CapabilityAdd", ["NET_ADMIN"], "ContainerSpec.CapabilityAdd"),
        ("ContainerSpec.Mounts", [], "ContainerSpec.Mounts"),
        ("RestartPolicy.Condition", "any", "RestartPolicy.Condition: 'any', not 'none'"),
        ("Networks", [{"Target": "net1"}, {"Target": "front"}], "Networks"),
        ("Resources.Limits.Pids", 0, "Resources.Limits.Pids: 0, not 64"),
    ],
)
def test_any_other_difference_is_told(place: str, value: object, told: str) -> None:
    found: Any = deepcopy(service(TEMPLATE, SPEC))
    inner = found
    *path, last = place.split(".")
    for name in path:
        inner = inner[name]
    inner[last] = value

    (difference,) = differences(service(TEMPLATE, SPEC), found)

    assert difference.startswith(told)


def test_a_password_is_not_told_as_a_difference() -> None:
    found: Any = deepcopy(service(TEMPLATE, SPEC))
    found["ContainerSpec"]["Env"] = ["SLIPWAY_BUS_URL=rediss://other", *SPEC.variables]

    told = " ".join(differences(service(TEMPLATE, SPEC), found))

    assert "SLIPWAY_BUS_URL" in told
    assert "secret" not in told


def test_over_tcp_one_family_of_sockets_is_added_and_nothing_else() -> None:
    before, after = json.loads(SECCOMP.read_text()), json.loads(over_tcp(SECCOMP.read_text()))

    assert after.pop("syscalls")[:-1] == before.pop("syscalls")
    assert after == before
    (added,) = json.loads(over_tcp(SECCOMP.read_text()))["syscalls"][-1:]
    assert (added["names"], added["args"][0]["value"]) == (["socket"], 2)


def seen(state: str, *, node: str = "ready", replicas: int = 1, **more: Any) -> parse.Seen:
    labels = {"slipway.installation": "here", "slipway.deployment": "dp1"}
    labels |= {"slipway.generation": "3", **more.pop("labels", {})}
    found = {"ID": "s", "Spec": {"Labels": labels, "Mode": {"Replicated": {"Replicas": replicas}}}}
    task = {"ServiceID": "s", "NodeID": "n", "CreatedAt": "1", "Status": {"State": state, **more}}
    place = {"ID": "n", "Status": {"State": node}, "Description": {"Hostname": "node3"}}
    (one,) = parse.seen([found], [task] if state else [], [place])
    return one


@pytest.mark.parametrize(
    ("one", "state"),
    [
        (seen("", replicas=0), "created"),
        (seen("", replicas=0, labels={parse.LABEL_ENDED: "true"}), "exited"),
        (seen(""), "running"),
        (seen("preparing"), "running"),
        (seen("running"), "running"),
        (seen("failed"), "exited"),
        (seen("rejected"), "exited"),
        (seen("running", node="down"), "exited"),
        (seen("running", node="unknown"), "running"),
    ],
)
def test_the_swarm_s_states_are_ours(one: parse.Seen, state: str) -> None:
    assert one.state == state
    assert one.running is not None
    assert (one.running.deployment, one.running.generation) == ("dp1", 3)


def test_how_a_task_ended_is_told_and_of_memory_nothing() -> None:
    ended = {"ContainerID": "c", "ExitCode": 137}
    facts = seen("failed", ContainerStatus=ended, Err="task: non-zero exit (137)").facts

    assert (facts.exit_code, facts.tells_memory) == (137, False)


def test_a_task_that_never_ran_has_no_exit_code_but_a_reason() -> None:
    facts = seen("rejected", Err="No such image: sha256:1").facts

    assert (facts.exit_code, facts.error) == (None, "No such image: sha256:1")


def test_a_lost_machine_is_the_reason() -> None:
    facts = seen("running", node="down").facts

    assert (facts.exit_code, facts.error) == (None, "its machine node3 is gone")


def test_machines_are_told_with_what_is_promised_of_them() -> None:
    node = {
        "ID": "n",
        "Status": {"State": "ready"},
        "Spec": {"Availability": "active"},
        "Description": {
            "Hostname": "node1",
            "Resources": {"NanoCPUs": 2_000_000_000, "MemoryBytes": 1024 * 1024**2},
        },
    }
    reserved = {"Resources": {"Reservations": {"MemoryBytes": 256 * 1024**2}}}
    tasks = [
        {
            "NodeID": "n",
            "DesiredState": "running",
            "Status": {"State": "running"},
            "Spec": reserved,
        },
        {
            "NodeID": "n",
            "DesiredState": "shutdown",
            "Status": {"State": "failed"},
            "Spec": reserved,
        },
    ]

    (machine,) = parse.machines([node], tasks)

    assert (machine.memory_mb, machine.promised_mb, machine.free_mb, machine.containers) == (
        1024,
        256,
        768,
        1,
    )
    assert machine.state == "ready"


def test_a_drained_machine_takes_nothing() -> None:
    node = {"ID": "n", "Status": {"State": "ready"}, "Spec": {"Availability": "drain"}}

    (machine,) = parse.machines([node], [])

    assert machine.state != "ready"
