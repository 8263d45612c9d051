from control_plane.core.ids import (
    DeploymentId,
    InstrumentId,
    SubscriptionId,
    client_order_id,
    intent_id,
    run_id,
    shard_of,
    signal_id,
)
from control_plane.infra.rng import SeededRng

SIGNAL = signal_id(DeploymentId("d1"), InstrumentId("spot:B-BTC_USDT"), "5m:300000", "entry")


def test_deciding_again_on_the_same_trigger_names_the_same_signal() -> None:
    again = signal_id(DeploymentId("d1"), InstrumentId("spot:B-BTC_USDT"), "5m:300000", "entry")
    assert again == SIGNAL
    assert (
        signal_id(DeploymentId("d1"), InstrumentId("spot:B-BTC_USDT"), "5m:300000", "exit")
        != SIGNAL
    )


def test_a_client_order_id_fits_the_exchange_and_tells_repricings_apart() -> None:
    intent = intent_id(SIGNAL, SubscriptionId("s1"), "entry", 0)
    ids = [client_order_id(intent, "entry", number) for number in range(40)]
    assert len(set(ids)) == 40
    assert all(len(each) <= 36 and each.isalnum() and each.islower() for each in ids)


def test_a_run_is_named_by_128_random_bits() -> None:
    assert len(run_id(SeededRng(1))) == 26
    assert run_id(SeededRng(1)) == run_id(SeededRng(1)) != run_id(SeededRng(2))


def test_every_shard_is_within_the_sixty_four() -> None:
    assert {shard_of(str(n)) for n in range(5_000)} == set(range(64))
