"""Each fault of one order (A), of signals (B), of Redis (D), of the database (E), of clocks (F) and
of fan-out and risk (J) in the catalogue, the other systems' public failures (X), and the tests that
show what becomes of it; or why there is none.

    python -m tests.faults      prints the list
"""

from collections.abc import Mapping

FAULTS = "unit/orders/test_faults.py"
CRASHES = "unit/orders/test_crashes.py"
POINTS = "e2e/test_fail_points.py"
SLICE = "unit/orders/test_slice.py"
VENUE = "unit/orders/test_at_coindcx.py"
GUARDS = "unit/orders/test_guards.py"
ADAPTER = "unit/brokers/coindcx/test_adapter.py"
INTAKE = "integration/signals/test_intake.py"
MODELS = "unit/signals/test_models.py"
SIMULATION = "unit/orders/test_simulation.py"
STATEMENT = "integration/orders/test_guards.py"

EVERY_POINT = (POINTS, "test_at_no_point_is_anything_lost_doubled_or_left_naked")
FAILURE = (POINTS, "test_a_failure_at_any_point_costs_nothing")
HISTORY = (SIMULATION, "test_a_history_ends_in_order")
DIED_THERE = (CRASHES, "test_an_entry_that_died_there_is_placed_once")
NO_ANSWER = (FAULTS, "test_a8_a9_j18_no_answer_after_acceptance_is_doubt_and_then_one_order")
FOUND = (VENUE, "test_an_entry_whose_answer_is_lost_is_found_and_bound")
ABSENT = (VENUE, "test_an_entry_that_never_arrived_is_given_up")
HIDDEN = (FAULTS, "test_a13_x7_an_order_that_is_hidden_for_a_while_is_not_sent_again")
AWAY = (FAULTS, "test_a14_x10_z5_doubt_lasts_as_long_as_the_venue_is_away_and_ends_with_it")
AROUND_COMMIT = (INTAKE, "test_a_crash_around_the_commit_loses_and_doubles_nothing")
RIGHT_SIDE = (MODELS, "test_stops_and_targets_stand_on_their_sides")
NO_PRICE = (MODELS, "test_what_is_no_price_is_refused")
SLEPT = (CRASHES, "test_a_process_that_slept_after_the_commit_sends_nothing")
LOST_SERVER = (INTAKE, "test_a_lost_server_costs_nothing")
FORMER_OWNER = (INTAKE, "test_a_former_owner_writes_and_acknowledges_nothing")

Place = tuple[str, str]
SHOWN: Mapping[str, tuple[Place, ...]] = {
    "A1": (DIED_THERE, EVERY_POINT),
    "A2": (DIED_THERE, EVERY_POINT),
    "A3": (DIED_THERE, EVERY_POINT),
    "A4": (DIED_THERE, EVERY_POINT),
    "A5": ((CRASHES, "test_a_position_whose_protector_died_has_one_stop"), EVERY_POINT),
    "A6": ((CRASHES, "test_a_position_whose_protector_died_has_one_stop"), EVERY_POINT),
    "A7": (FOUND,),
    "A8": (NO_ANSWER,),
    "A9": (FOUND, NO_ANSWER),
    "A10": (
        ABSENT,
        (VENUE, "test_an_entry_that_never_arrived_is_not_taken_for_its_twin_of_a_moment_ago"),
        (CRASHES, "test_a_lost_request_is_absent_only_after_the_settle_time"),
    ),
    "A11": ((CRASHES, "test_a_late_request_is_refused_by_the_venue_itself"),),
    "A12": ((FAULTS, "test_a12_an_answer_that_comes_too_late_changes_nothing"),),
    "A13": (HIDDEN, HISTORY),
    "A14": (
        AWAY,
        (CRASHES, "test_an_unreachable_venue_proves_nothing"),
        (CRASHES, "test_doubt_that_never_clears_is_left_to_a_person"),
    ),
    "A15": ((FAULTS, "test_a15_an_answer_that_says_nothing_is_doubt"),),
    "A16": ((ADAPTER, "test_a_repeat_is_known_as_one"),),
    "A17": ((GUARDS, "test_too_little_money_is_a_refusal_and_no_position"),),
    "A18": ((FAULTS, "test_a18_an_order_that_is_refused_after_its_acceptance_leaves_nothing"),),
    "A19": (
        (FAULTS, "test_a19_what_filled_is_stopped_and_the_rest_taken_back"),
        (SLICE, "test_a_stop_grows_with_a_late_fill_of_the_entry"),
    ),
    "A20": ((ADAPTER, "test_what_a_partially_cancelled_order_filled_is_exact"),),
    "A21": ((FAULTS, "test_a21_a_stop_that_the_price_has_passed_is_a_way_out"),),
    "A22": (
        (VENUE, "test_a_stop_that_the_exchange_drops_is_put_there_afterwards"),
        (ADAPTER, "test_an_inline_stop_is_there_dropped_or_refused_and_never_assumed"),
    ),
    "A24": (
        (FAULTS, "test_a24_a35_a_stop_that_fills_while_it_is_cancelled_closes_the_trade_once"),
    ),
    "A25": ((FAULTS, "test_a25_a_stop_whose_limit_the_price_jumped_over_is_left_at_the_market"),),
    "A26": ((CRASHES, "test_an_exit_in_doubt_keeps_the_next_entry_back_and_never_closes_it"),),
    "A27": ((FAULTS, "test_a27_a_liquidation_ends_the_trade_and_its_stops"),),
    "A28": ((FAULTS, "test_a28_what_its_owner_does_by_hand_is_told_and_left_alone"),),
    "A29": ((FAULTS, "test_a29_a_stop_that_its_owner_cancels_again_and_again_is_no_fight"),),
    "A30": (
        (FAULTS, "test_a30_a_position_that_its_owner_closes_is_closed_in_our_books"),
        (VENUE, "test_a_position_that_is_closed_by_hand_needs_no_exit_of_ours"),
    ),
    "A31": ((FAULTS, "test_a31_the_parts_of_one_order_are_one_intent"),),
    "A32": ((CRASHES, "test_fills_read_again_are_booked_once"),),
    "A33": (
        (
            "unit/orders/test_states.py",
            "test_a_filled_order_ends_filled_in_whatever_order_it_is_told",
        ),
    ),
    "A34": (
        (
            "unit/orders/test_prices_and_trades.py",
            "test_a_fee_taken_in_the_base_is_held_no_more",
        ),
        (GUARDS, "test_dust_is_shown_and_sold_with_the_next_trade"),
    ),
    "A35": (
        (FAULTS, "test_a24_a35_a_stop_that_fills_while_it_is_cancelled_closes_the_trade_once"),
    ),
    "A36": ((GUARDS, "test_rules_that_changed_after_the_plan_deny_the_entry"),),
    "A37": ((ADAPTER, "test_leverage_is_set_once_and_the_order_may_be_sent_again"),),
    "A39": (
        ("unit/rules/test_legality.py", "test_exit_only_takes_a_spot_sale_and_no_purchase"),
        ("unit/rules/test_legality.py", "test_an_inactive_instrument_takes_nothing"),
    ),
    "A40": (
        (
            FAULTS,
            "test_a40_while_the_venue_is_away_for_twenty_minutes_stops_stand_and_entries_expire",
        ),
        (
            FAULTS,
            "test_an_outage_of_twenty_minutes_across_an_exit_ends_with_the_position_closed",
        ),
    ),
    "B1": (AROUND_COMMIT,),
    "B2": ((INTAKE, "test_the_first_decision_of_a_trigger_is_final"),),
    "B3": (
        (
            "unit/orders/test_planning.py",
            "test_an_exit_closes_only_what_an_earlier_trigger_opened",
        ),
    ),
    "B4": (AROUND_COMMIT,),
    "B5": (NO_PRICE, ("unit/signals/test_hearing.py", "test_no_frame_raises")),
    "B6": (NO_PRICE,),
    "B7": (
        (INTAKE, "test_a_flood_is_cut_off_and_the_fleet_is_asked_to_stop_it"),
        ("unit/signals/test_hearing.py", "test_a_channel_is_read_no_further_once_much_of_it_waits"),
    ),
    "B8": ((MODELS, "test_a_trigger_that_is_not_its_own_is_refused"),),
    "B9": (RIGHT_SIDE,),
    "B10": ((MODELS, "test_other_groups_of_signals_are_spoilt_but_the_decision_counts"),),
    "B11": ((INTAKE, "test_a_flood_is_cut_off_and_the_fleet_is_asked_to_stop_it"),),
    "B12": (
        (GUARDS, "test_an_entry_that_waited_too_long_expires"),
        (STATEMENT, "test_an_expired_entry_does_not_leave"),
    ),
    "B13": ((MODELS, "test_a_candle_that_closes_after_the_latest_time_lies_in_the_future"),),
    "B14": (
        ("unit/signals/test_hearing.py", "test_no_frame_raises"),
        ("integration/signals/test_fuzz.py", "test_no_message_breaks_a_table"),
    ),
    "B15": (
        (GUARDS, "test_a_halt_refuses_entries_in_its_scope_from_the_commit_on"),
        (FAULTS, "test_a_halt_of_entries_keeps_no_exit_back"),
    ),
    "B16": (
        (
            "unit/orders/test_planning.py",
            "test_an_exit_closes_only_what_an_earlier_trigger_opened",
        ),
    ),
    "D1": (LOST_SERVER,),
    "D2": (LOST_SERVER, ("integration/infra/test_embedded.py", "test_a_killed_server_is_replaced")),
    "D3": (
        (
            "integration/market/test_market_worker.py",
            "test_after_a_flush_every_wanted_history_is_whole_again",
        ),
        (
            "integration/signals/test_with_runtime.py",
            "test_a_strategy_decides_each_candle_once_whatever_breaks",
        ),
    ),
    "D4": (LOST_SERVER,),
    "D6": (("integration/infra/test_bus.py", "test_a_server_that_hangs_is_given_up"),),
    "D7": (AROUND_COMMIT,),
    "D8": (AROUND_COMMIT,),
    "D9": (
        (
            "unit/signals/test_hearing.py",
            "test_what_cannot_be_named_in_an_acknowledgement_goes_to_the_dead_letters",
        ),
    ),
    "E1": (
        (
            "integration/signals/test_recording.py",
            "test_what_a_lost_database_did_not_take_is_kept_for_it",
        ),
        ("unit/infra/test_leases.py", "test_h4_without_its_database_an_owner_owns_nothing"),
        HISTORY,
    ),
    "E4": (
        (
            "integration/signals/test_recording.py",
            "test_a_lease_cannot_be_taken_over_between_its_check_and_the_commit",
        ),
        EVERY_POINT,
    ),
    "E7": (SLEPT,),
    "E8": (HISTORY,),
    "E9": (
        ("integration/infra/test_schema.py", "test_an_unknown_schema_is_refused_by_name"),
        ("e2e/test_upgrades.py", "test_each_candle_has_exactly_one_signal_through_all_upgrades"),
    ),
    "F1": (HISTORY,),
    "F2": (
        ("unit/market/test_pace.py", "test_a_clock_that_was_set_back_does_not_stop_the_market"),
    ),
    "F3": (EVERY_POINT, SLEPT),
    "F4": (HISTORY,),
    "J1": (DIED_THERE, EVERY_POINT),
    "J2": ((GUARDS, "test_a_subscription_paused_after_the_plan_sends_nothing"),),
    "J3": (
        ("unit/orders/test_leaving.py", "test_flatten_closes_what_it_holds"),
        ("unit/orders/test_leaving.py", "test_reduce_closes_spot_and_leaves_a_future_its_stop"),
    ),
    "J4": ((FAULTS, "test_an_exit_whose_key_expired_is_told_and_goes_out_with_the_next_key"),),
    "J6": ((GUARDS, "test_too_little_money_is_a_refusal_and_no_position"),),
    "J7": (
        (GUARDS, "test_a_subscription_that_lost_its_share_today_enters_no_more"),
        ("unit/orders/test_halts.py", "test_who_lost_too_much_today_leaves"),
    ),
    "J9": ((ADAPTER, "test_one_silent_account_holds_up_no_other"),),
    "J10": (
        ("unit/orders/test_planning.py", "test_a_futures_position_has_one_owner"),
        ("unit/subscriptions/test_service.py", "test_a_futures_position_has_one_subscription"),
    ),
    "J11": (("unit/rules/test_sizing.py", "test_no_size_passes_a_cap"),),
    "J12": (("unit/subscriptions/test_service.py", "test_each_change_is_a_version"),),
    "J14": (
        (
            "unit/subscriptions/test_service.py",
            "test_whoever_subscribes_after_a_signal_does_not_follow_it",
        ),
    ),
    "J15": (("unit/orders/test_planning.py", "test_each_guard_refuses_an_entry_with_its_reason"),),
    "J16": (
        (
            "unit/orders/test_halts.py",
            "test_no_entry_leaves_after_a_halt_however_many_are_ready",
        ),
        (GUARDS, "test_a_halt_between_plan_and_release_is_seen_by_the_release"),
    ),
    "J17": (
        (
            "unit/brokers/coindcx/test_limits.py",
            "test_an_exit_that_comes_later_leaves_before_entries_that_wait",
        ),
        ("unit/brokers/coindcx/test_limits.py", "test_entries_leave_room_for_exits"),
    ),
    "J18": (NO_ANSWER, (ADAPTER, "test_a_429_slows_down_the_key_and_its_address")),
    "X1": (NO_ANSWER,),
    "X2": (AWAY,),
    "X3": (FOUND,),
    "X4": (AWAY,),
    "X5": (EVERY_POINT, (POINTS, "test_kills_at_any_moment_cost_nothing")),
    "X6": ((FAULTS, "test_a24_a35_a_stop_that_fills_while_it_is_cancelled_closes_the_trade_once"),),
    "X7": (HIDDEN,),
    "X8": ((CRASHES, "test_an_unreachable_venue_proves_nothing"),),
    "X9": ((VENUE, "test_a_fill_of_an_exit_that_is_in_doubt_waits_until_the_exit_is_found"),),
    "X10": (AWAY,),
    "X11": (DIED_THERE, EVERY_POINT),
    "X12": ((ADAPTER, "test_a_list_that_lacks_an_order_is_not_believed_against_its_fill"),),
    "X13": ((CRASHES, "test_fills_read_again_are_booked_once"),),
    "X14": (
        (STATEMENT, "test_one_signal_gives_one_subscription_one_intent"),
        (STATEMENT, "test_a_stale_epoch_lets_nothing_out_and_changes_nothing"),
    ),
    "X15": (
        (
            "e2e/test_hostile_fleet.py",
            "test_every_hostile_file_gets_what_its_header_says_and_no_more",
        ),
    ),
}

IN_PART: Mapping[str, str] = {
    "A12": "a reply after our deadline is not read any more; the look-up is the evidence instead",
    "A20": "shown of the adapter; that a stop shrinks with it is left to A19's way",
    "A28": "an order by hand is never touched; entries on its pair are not paused because of it",
    "A39": "shown of the rules; not with an order on its way",
    "B4": "frames have numbers and are resent until acknowledged; a gap as such is no alarm",
    "B8": "a strategy cannot name a pair: its channel says whose it is",
    "D2": "on a private server, without load",
    "D4": "there is no replica in the tests: what a failover loses is what a lost server loses",
    "E9": "by upgrades under load and a refusal of unknown schemas; no half-done migration",
    "F1": "venue clocks within ±2 s in every history; a halt beyond 5 s is not tried",
    "F2": "for market time; leases take the database's clock and durations a monotonic one",
    "J4": "the exit goes out with the next good key; the account is not suspended by its trading,"
    " but by the test of its key (tests/unit/keys)",
    "X2": "one order in doubt at a time in an account; not six",
    "X5": "with up to four open positions",
    "X8": "as an answer that proves nothing; not as a list of 4xx at the start",
    "X14": "by the statement that lets orders out; not with an old build beside a new one",
}

NOT_SHOWN: Mapping[str, str] = {
    "A23": "a stop and a target that both fill turn the position over: the fill is told as one that"
    " nobody can name, the opposite position is not closed",
    "A38": "open orders of a market are not counted before sending: the exchange's refusal is one",
    "D5": "a full Redis is not made; strategies can write no key",
    "D10": "there are no groups: containers and control plane share no stream",
    "D11": "there are no groups: containers and control plane share no stream",
    "D12": "an administrator's ACL that is taken away is not made",
    "E2": "power loss is not made; killed processes and engines are",
    "E3": "no replica to fail over to; orders without an intent are told, and not adopted by what"
    " they look like",
    "E5": "a pool of one connection is not made; writers and readers have lanes of their own",
    "E6": "a full disk is not made",
    "E10": "a checkpoint that is starved is not made; writers take their turn by BEGIN IMMEDIATE",
    "E11": "there is no recovery mode after an old backup",
    "F5": "the trading day is a setting; no test stands on the minute before it and after",
    "J5": "refusals of many keys at once are not one incident",
    "J8": "limits are read in the sending transaction; there is no reservation row to race for",
    "J13": "accounts are not deleted while a position is open: shown for the API alone",
}
ROWS = [
    *[f"A{n}" for n in range(1, 41)],
    *[f"B{n}" for n in range(1, 17)],
    *[f"D{n}" for n in range(1, 13)],
    *[f"E{n}" for n in range(1, 12)],
    *[f"F{n}" for n in range(1, 6)],
    *[f"J{n}" for n in range(1, 19)],
    *[f"X{n}" for n in range(1, 16)],
]


def main() -> None:
    for row in ROWS:
        shown = ", ".join(f"{file}::{name}" for file, name in SHOWN.get(row, ()))
        print(f"{row:4} {shown or 'not shown: ' + NOT_SHOWN[row]}")
        if row in IN_PART:
            print(f"     in part: {IN_PART[row]}")
    print(f"{len(SHOWN)} of {len(ROWS)} rows are shown, {len(IN_PART)} of them in part.")


if __name__ == "__main__":
    main()
