"""Each fault of containers (G) and of replicas (H) in the catalogue, and the tests that show what
becomes of it: `pytest tests/unit/test_catalogue.py -s` prints them.
"""

import ast
from collections.abc import Mapping
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ENGINE = "integration/deployments/test_faults.py"
REAL = "integration/deployments/test_real_engine.py"
LAUNCHER = "integration/containers/test_docker_launcher.py"
HOSTILE = "e2e/test_hostile_fleet.py"

# By number: a file and a test in it, or a file of tests/hostile, which the whole corpus' test runs.
SHOWN: Mapping[str, tuple[tuple[str, str], ...]] = {
    "G1": ((ENGINE, "test_g1_one_that_ends_at_once_is_given_up_with_its_last_lines"),),
    "G2": ((REAL, "test_out_of_memory_is_told_with_the_limit"), (HOSTILE, "s12_memory_bomb")),
    "G3": ((HOSTILE, "g03_busy_loop"), ("e2e/test_hostile.py", "test_a_hang_is_told_and_replaced")),
    "G4": ((HOSTILE, "g04_deadlock"),),
    "G5": ((HOSTILE, "m11_heartbeat_alone"),),
    "G6": ((HOSTILE, "s13_fork_bomb"), (HOSTILE, "s13_thread_bomb")),
    "G7": ((HOSTILE, "s15_disk"), (HOSTILE, "s15_inodes"), (HOSTILE, "s12_shared_memory")),
    "G8": ((HOSTILE, "s17_output_flood"), (HOSTILE, "s17_log_flood")),
    "G9": ((ENGINE, "test_g9_a_leak_is_taken_over_before_it_ends_in_a_kill"),),
    "G10": (
        (ENGINE, "test_g10_what_outlived_an_engine_s_restart_is_adopted"),
        (ENGINE, "test_g10_what_an_engine_s_restart_ended_is_launched_anew"),
    ),
    "G11": (
        (ENGINE, "test_g11_an_engine_that_stands_still_is_unknown_and_nothing_is_doubled"),
        (LAUNCHER, "test_an_engine_that_hangs_is_unknown_within_its_deadline"),
    ),
    "G12": ((REAL, "test_one_that_is_removed_by_hand_comes_back"),),
    "G13": (
        (REAL, "test_one_of_ours_that_nobody_asked_for_is_removed"),
        (REAL, "test_strangers_containers_are_left_as_they_are"),
    ),
    "G14": (
        (ENGINE, "test_g14_a_death_between_create_and_start_leaves_no_twin"),
        (
            "e2e/test_crashes.py",
            "test_killed_at_each_point_of_a_launch_no_container_is_doubled_or_left",
        ),
        (
            "e2e/test_crashes.py",
            "test_killed_at_every_dangerous_point_nothing_is_lost_or_doubled",
        ),
    ),
    "G15": ((ENGINE, "test_g15_a_second_container_of_one_deployment_is_removed"),),
    "G16": (
        (LAUNCHER, "test_a_missing_image_says_what_to_run"),
        (LAUNCHER, "test_what_the_engine_made_otherwise_is_refused_and_removed"),
    ),
    "G17": ((ENGINE, "test_g17_after_a_reboot_only_the_fleet_starts_containers"),),
    "G18": ((ENGINE, "test_g18_one_that_hears_no_signal_is_killed_and_told_so"),),
    "G19": ((ENGINE, "test_g19_a_clean_exit_counts_as_a_crash"), (HOSTILE, "g19_clean_exit")),
    "G20": (
        (ENGINE, "test_g20_those_that_die_together_come_back_by_the_budget"),
        ("integration/deployments/test_reconciler.py", "test_launches_keep_to_the_budget"),
    ),
    "G21": ((ENGINE, "test_g21_a_paused_container_is_replaced"), (HOSTILE, "g21_stops_itself")),
    "H1": (
        (
            "e2e/test_side_by_side.py",
            "test_two_launch_nothing_twice_and_a_sleeper_wakes_to_nothing",
        ),
        ("integration/infra/test_leases.py", "test_two_processes_share_fairly"),
    ),
    "H2": (
        (
            "e2e/test_side_by_side.py",
            "test_two_launch_nothing_twice_and_a_sleeper_wakes_to_nothing",
        ),
        ("unit/orders/test_crashes.py", "test_a_process_that_slept_after_the_commit_sends_nothing"),
    ),
    "H3": (
        ("unit/infra/test_leases.py", "test_h3_a_late_renewal_steps_down_before_the_lease_ends"),
    ),
    "H4": (("unit/infra/test_leases.py", "test_h4_without_its_database_an_owner_owns_nothing"),),
    "H5": (
        (
            "integration/infra/test_blind_owners.py",
            "test_h5_a_blind_owner_leaves_its_shards_to_one_that_sees",
        ),
        (
            "integration/infra/test_blind_owners.py",
            "test_h5_where_all_are_blind_nobody_gives_up",
        ),
    ),
    "H6": (
        (
            "integration/infra/test_leases.py",
            "test_h6_an_older_build_takes_no_shard_that_a_newer_one_has_held",
        ),
        (
            "integration/infra/test_leases.py",
            "test_h6_a_newer_build_goes_on_where_an_older_one_ended",
        ),
        ("integration/infra/test_schema.py", "test_an_unknown_schema_is_refused_by_name"),
    ),
    "H7": (
        (
            "unit/orders/test_guards.py",
            "test_a_halt_between_plan_and_release_is_seen_by_the_release",
        ),
    ),
    "H9": (
        (
            "unit/orders/test_two_installations.py",
            "test_h9_on_spot_a_fill_that_is_named_ours_and_is_not_stops_entries",
        ),
        (
            "unit/orders/test_two_installations.py",
            "test_h9_on_futures_a_position_that_is_not_our_trades_stops_entries",
        ),
    ),
    "H8": (("unit/orders/test_crashes.py", "test_an_entry_that_died_there_is_placed_once"),),
}
ROWS = [f"G{n}" for n in range(1, 22)] + [f"H{n}" for n in range(1, 10)]


def test_each_fault_is_shown() -> None:
    for row in ROWS:
        print(f"{row:4} {', '.join(f'{file}::{name}' for file, name in SHOWN.get(row, ()))}")

    assert sorted(SHOWN) == sorted(ROWS)
    assert all(SHOWN.values())


@pytest.mark.parametrize(
    ("file", "name"), sorted({place for places in SHOWN.values() for place in places})
)
def test_what_shows_it_is_there(file: str, name: str) -> None:
    if file == HOSTILE:
        assert (TESTS / "hostile" / f"{name}.py").is_file()
        return
    tree = ast.parse((TESTS / file).read_text())
    defined = {
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert name in defined
