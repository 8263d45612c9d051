"""What was used, and the limits that would do."""

from control_plane.deployments.models.measuring import MB, Vital, cpus_between, hint


def minutes(count: int, cpus: float, memory_mb: int) -> list[Vital]:
    return [Vital(n * 60_000, 1, cpus, memory_mb * MB, 5, 1, 0) for n in range(count)]


def test_processor_time_between_two_points_of_a_run_is_processors() -> None:
    assert cpus_between(("run", 0, 10.0), ("run", 60_000, 25.0)) == 0.25


def test_a_new_run_begins_to_count_anew() -> None:
    assert cpus_between(("old", 0, 10.0), ("new", 60_000, 1.0)) is None
    assert cpus_between(None, ("new", 60_000, 1.0)) is None


def test_half_an_hour_must_be_seen_before_a_hint() -> None:
    assert hint(minutes(29, 0.01, 30), memory_mb=512, cpus=0.5) is None


def test_room_is_left_above_what_was_measured() -> None:
    found = hint(minutes(60, 0.1, 60), memory_mb=512, cpus=0.5)

    assert found is not None
    assert (found.memory_mb, found.cpus) == (96, 0.2)
    assert found.sentence.startswith("96 MB and 0.2 CPUs would do: at most 60 MB")


def test_the_kernels_peak_counts_beside_what_heartbeats_said() -> None:
    found = hint(minutes(60, 0.1, 60), memory_mb=512, cpus=0.5, peak_bytes=200 * MB)

    assert found is not None
    assert found.memory_mb == 320


def test_limits_that_fit_are_left_alone() -> None:
    found = hint(minutes(60, 0.24, 330), memory_mb=512, cpus=0.5)

    assert found is not None
    assert (found.memory_mb, found.cpus) == (512, 0.5)
    assert found.sentence.startswith("Its limits fit")
