"""Addresses, names and output, as plain values."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from control_plane.containers.access import JobRights, Rights, rules
from control_plane.containers.docker.template import Image, Template, container, differences
from control_plane.containers.environment import BusAddress, bus_address, environment
from control_plane.containers.jobs import JobSpec
from control_plane.containers.labels import job_from_labels, labels, running_from_labels
from control_plane.containers.launches import LaunchSpec
from control_plane.containers.models import Limits
from control_plane.containers.output import printable
from control_plane.core.ids import DeploymentId, JobId

JOB = JobSpec("inst", JobId("jb1"), 2, "c0de", "b007", "s3cret", Path("/data/ab.candles"), Limits())
SPEC = LaunchSpec("inst", DeploymentId("dp1"), 3, "c0de", "b007", "s3cret:/@", time_scale=0.05)


@pytest.mark.parametrize(
    ("redis_url", "bus_url", "volume", "address"),
    [
        ("unix://u:p@/tmp/s/redis.sock", None, None, BusAddress(socket="/tmp/s/redis.sock")),
        ("redis://u:p@h:6379/0", None, None, BusAddress(tcp="redis://h:6379/0")),
        ("redis://h:1", "unix:///r/x.sock", None, BusAddress(socket="/r/x.sock")),
        ("redis://h:1", None, "vol", BusAddress(socket="/redis.sock", volume="vol")),
        ("redis://h:1", "unix:///d/s", "vol", BusAddress(socket="/d/s", volume="vol")),
    ],
)
def test_containers_reach_redis_where_it_is(
    redis_url: str, bus_url: str | None, volume: str | None, address: BusAddress
) -> None:
    assert bus_address(redis_url, bus_url, volume) == address


def test_an_address_carries_the_generation_s_own_user() -> None:
    socket = BusAddress(socket="/tmp/s/redis.sock")

    assert socket.url(SPEC) == "unix://dep-dp1-g3:s3cret%3A/%40@/tmp/s/redis.sock"
    assert socket.url(SPEC, "/run/x") == "unix://dep-dp1-g3:s3cret%3A/%40@/run/x"
    assert BusAddress(tcp="redis://h:1/0").url(SPEC).endswith("@h:1/0")


def test_the_environment_holds_nothing_else() -> None:
    assert set(environment(SPEC, "unix://x")) == {
        "SLIPWAY_BUS_URL",
        "SLIPWAY_DEPLOYMENT",
        "SLIPWAY_GENERATION",
        "SLIPWAY_BOOT_SHA256",
        "SLIPWAY_TIME_SCALE",
        "OPENBLAS_NUM_THREADS",
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
    }


def test_a_launch_hides_its_password() -> None:
    assert "s3cret" not in repr(SPEC)


def test_labels_name_their_container() -> None:
    found = running_from_labels("h", "running", labels(SPEC))

    assert found is not None
    assert (found.installation, found.deployment, found.generation) == ("inst", "dp1", 3)


def test_a_job_s_labels_are_not_a_deployment_s() -> None:
    job = job_from_labels("h", "running", labels(JOB))

    assert job is not None
    assert (job.installation, job.job, job.attempt) == ("inst", "jb1", 2)
    assert running_from_labels("h", "running", labels(JOB)) is None
    assert job_from_labels("h", "running", labels(SPEC)) is None


def test_a_job_knows_its_own_name_and_its_candles() -> None:
    variables = environment(JOB, "unix://x", "/run/candles/ab.candles")

    assert variables["SLIPWAY_JOB"] == "jb1"
    assert variables["SLIPWAY_CANDLES"] == "/run/candles/ab.candles"
    assert "SLIPWAY_DEPLOYMENT" not in variables


def test_a_job_may_read_its_task_and_speak_on_its_own_channels() -> None:
    assert JobRights(JobId("jb1"), "ab" * 32).rules == [
        "reset",
        "on",
        "#" + "ab" * 32,
        "%R~boot:job:jb1",
        "%R~candles:job:jb1",
        "+get",
        "+llen",
        "+lindex",
        "+ping",
        "+hello",
        "+auth",
        "+client|setname",
        "(+subscribe +unsubscribe resetchannels &down:job:jb1)",
        "(+publish resetchannels &up:job:jb1)",
    ]


@pytest.mark.parametrize("volume", [None, "prices"])
def test_a_job_s_container_has_one_read_only_mount_more(volume: str | None) -> None:
    template = Template(Image("id"), "runc", "{}", BusAddress(socket="/b/redis.sock"), volume)

    asked = container(template, JOB)
    mounts = asked["HostConfig"]["Mounts"]

    assert [m["ReadOnly"] for m in mounts] == [True, True]
    assert mounts[1]["Source"] == (volume or "/data/ab.candles")
    assert "SLIPWAY_CANDLES=/run/candles/ab.candles" in asked["Env"]
    assert asked["Entrypoint"][-1] == "strategy_runtime.jobs.main"
    live = container(template, SPEC)["HostConfig"]
    assert (live["CpuShares"], asked["HostConfig"]["CpuShares"]) == (0, 128), "live ones first"
    assert live["OomScoreAdj"] < asked["HostConfig"]["OomScoreAdj"]
    writable = {"Mounts": [{"Destination": m["Target"], "RW": True} for m in mounts]}
    assert any("Mounts" in d for d in differences(asked, {**asked, **writable}, template.image))


@pytest.mark.parametrize("missing", [{}, {"slipway.deployment": "d"}, {"slipway.generation": "1"}])
def test_labels_that_are_not_whole_are_not_ours(missing: dict[str, str]) -> None:
    assert running_from_labels("h", "running", missing) is None


def test_rights_are_the_declared_and_no_more() -> None:
    rights = Rights(DeploymentId("dp1"), 3, "ab" * 32, "spot:B-BTC_USDT", ("1m", "1h"), ticks=True)

    assert rules(rights) == [
        "reset",
        "on",
        "#" + "ab" * 32,
        "%R~md:history:spot:B-BTC_USDT:1m",
        "%R~md:history:spot:B-BTC_USDT:1h",
        "%R~boot:dp1:3",
        "+get",
        "+xrange",
        "+xrevrange",
        "+xread",
        "+ping",
        "+hello",
        "+auth",
        "+client|setname",
        "(+subscribe +unsubscribe resetchannels &md:candle:spot:B-BTC_USDT:1m"
        " &md:candle:spot:B-BTC_USDT:1h &md:tick:spot:B-BTC_USDT &down:dp1:3)",
        "(+publish resetchannels &up:dp1:3)",
    ]


@given(st.text(st.characters(codec="utf-8"), max_size=200))
def test_output_is_shown_without_control_characters(text: str) -> None:
    assert all(c == "\n" or c.isprintable() for c in printable(text))
