"""What is checked before a request is looked at, and in which order."""

import json

import pytest

from control_plane.brokers.coindcx.wire import signature
from tests.coindcx_sim.answers import Answer, SimRequest
from tests.coindcx_sim.build import START_MS, populated
from tests.coindcx_sim.exchange import Exchange
from tests.coindcx_sim.switches import Switches, switched
from tests.unit.brokers.coindcx.test_wire import KEY, VECTORS

BALANCES = "/exchange/v1/users/balances"
FRESH = f'{{"timestamp":{START_MS}}}'


def asked(
    exchange: Exchange,
    body: str = FRESH,
    *,
    path: str = BALANCES,
    key: str = "key-0",
    signed: str | None = None,
    method: str = "POST",
) -> tuple[int, dict[str, object]]:
    sent = body.encode()
    proof = signature("secret-0", sent) if signed is None else signed
    answer = exchange.handle(SimRequest(method, path, "", key, proof, sent), START_MS)
    assert isinstance(answer, Answer)
    found = json.loads(answer.body)
    return answer.status, found if isinstance(found, dict) else {}


def test_a_signature_of_spaced_bytes_is_refused_with_the_compact_ones() -> None:
    venue, (text, proof) = populated(0), VECTORS[1]
    venue.world.open_account(KEY.key, KEY.secret, {}, {})
    _, spaced = VECTORS[-1]
    refused = asked(venue, text, key=KEY.key, signed=spaced)
    assert refused[1]["message"] == "Invalid credentials"
    known = asked(venue, text, key=KEY.key, signed=proof)
    assert known[1]["message"] == "Invalid timestamp"  # the vector is of another year


@pytest.mark.parametrize(
    ("changes", "status", "message"),
    [
        ({"path": "/nowhere", "body": "{", "key": ""}, 404, "not_found"),
        ({"method": "GET"}, 404, "not_found"),
        ({"body": '{"timestamp":', "key": ""}, 400, "bad_request"),
        ({"body": "[]"}, 400, "bad_request"),
        ({"key": "nobody", "body": '{"timestamp":1}'}, 401, "Invalid credentials"),
        ({"signed": "0" * 64}, 401, "Invalid credentials"),
        ({"body": '{"timestamp":1}'}, 401, "Invalid timestamp"),
        ({"body": "{}"}, 401, "Invalid timestamp"),
        ({"body": f'{{"timestamp":"{START_MS}"}}'}, 401, "Invalid timestamp"),
        ({"body": f'{{"timestamp":{START_MS // 1000}}}'}, 401, "Invalid timestamp"),
        ({"body": f'{{"timestamp":{START_MS - 10_001}}}'}, 401, "Invalid timestamp"),
        ({"body": f'{{"timestamp":{START_MS + 10_001}}}'}, 401, "Invalid timestamp"),
        (
            {"path": "/exchange/v1/orders/create", "key": "", "body": FRESH},
            401,
            "Invalid credentials",
        ),
        (
            {"path": "/exchange/v1/orders/status", "key": "", "body": FRESH},
            401,
            "You are not logged in",
        ),
    ],
    ids=str,
)
def test_the_first_wrong_thing_is_named(changes: dict[str, str], status: int, message: str) -> None:
    found = asked(populated(1), **changes)
    assert (found[0], found[1]["message"]) == (status, message)


def test_bytes_that_mean_the_same_do_not_pass_for_those_that_were_signed() -> None:
    body = f'{{"timestamp": {START_MS}}}'
    exchange = populated(1)
    assert asked(exchange, body)[0] == 200
    assert asked(exchange, body, signed=signature("secret-0", FRESH.encode()))[0] == 401


def test_a_window_has_two_edges_that_are_inside() -> None:
    exchange = populated(1)
    assert asked(exchange, f'{{"timestamp":{START_MS - 10_000}}}')[0] == 200
    assert asked(exchange, f'{{"timestamp":{START_MS + 10_000}}}')[0] == 200


@pytest.mark.attack("Q8")
def test_a_captured_request_is_good_for_its_window_alone() -> None:
    exchange, sent = populated(1), FRESH.encode()
    captured = SimRequest("POST", BALANCES, "", "key-0", signature("secret-0", sent), sent)

    later = [exchange.handle(captured, START_MS + ms) for ms in (0, 10_000, 10_001, 3_600_000)]
    assert [one.status for one in later if isinstance(one, Answer)] == [200, 200, 401, 401]


def test_a_venue_whose_clock_is_ahead_refuses_what_is_fresh() -> None:
    assert asked(populated(1, Switches(skew_ms=11_000)))[0] == 401


@pytest.mark.parametrize(("by", "second"), [("key", 200), ("address", 429)])
def test_the_seventeenth_request_of_a_second_is_refused(by: str, second: int) -> None:
    exchange = populated(2, switched(limits_by=by))
    assert [asked(exchange)[0] for _ in range(17)] == [200] * 16 + [429]
    other = signature("secret-1", FRESH.encode())
    assert asked(exchange, key="key-1", signed=other)[0] == second


def test_cancel_all_has_a_limit_of_its_own() -> None:
    exchange = populated(1)
    exchange.limits.per_second = exchange.limits.per_minute = 10_000
    body = f'{{"timestamp":{START_MS},"market":"BTCINR"}}'
    found = [asked(exchange, body, path="/exchange/v1/orders/cancel_all")[0] for _ in range(31)]
    assert found == [200] * 30 + [429]
