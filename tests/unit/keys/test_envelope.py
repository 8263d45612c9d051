"""Envelopes open for whom and where they were sealed, and in no other way."""

from collections.abc import Iterator
from dataclasses import replace

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from control_plane.infra.rng import SeededRng, SystemRng
from control_plane.keys.models.envelope import (
    HEAD,
    WRAPPED,
    Place,
    Unopened,
    kek_id_of,
    kek_of,
    open_,
    rewrap,
    seal,
)

KEY = X25519PrivateKey.from_private_bytes(b"k" * 32)
OTHER = X25519PrivateKey.from_private_bytes(b"o" * 32)
PLACE = Place("inhere", "usann", "ac1", "coindcx", "secret", 3)
SECRET = b"canary-7f3e2a"


def sealed(seed: int = 1) -> bytes:
    return seal(SECRET, PLACE, KEY.public_key(), SeededRng(seed))


def flips(envelope: bytes) -> Iterator[bytes]:
    for bit in range(len(envelope) * 8):
        changed = bytearray(envelope)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


def test_what_was_sealed_opens_where_it_belongs() -> None:
    assert open_(sealed(), PLACE, KEY) == SECRET


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.attack("Q4")
def test_no_bit_of_an_envelope_may_change(seed: int) -> None:
    """Q4; the run over a thousand envelopes is `benchmarks/envelopes.py`."""
    for changed in flips(sealed(seed)):
        with pytest.raises(Unopened):
            open_(changed, PLACE, KEY)


@pytest.mark.parametrize(
    "elsewhere",
    [
        replace(PLACE, installation="inthere"),
        replace(PLACE, tenant="usbob"),
        replace(PLACE, account="ac2"),
        replace(PLACE, exchange="binance"),
        replace(PLACE, field="key"),
        replace(PLACE, row_version=2),
        replace(PLACE, tenant="usan", account="nac1"),
    ],
    ids=["installation", "tenant", "Q2-account", "exchange", "field", "Q3-version", "borders"],
)
def test_it_opens_nowhere_else(elsewhere: Place) -> None:
    with pytest.raises(Unopened):
        open_(sealed(), elsewhere, KEY)


@pytest.mark.attack("Q1")
def test_another_key_does_not_open_it() -> None:
    """Q1, Q5: nor does the public half, which is all that whoever seals it has."""
    with pytest.raises(Unopened):
        open_(sealed(), PLACE, OTHER)


@pytest.mark.parametrize("length", [0, 1, HEAD.size, HEAD.size + WRAPPED, 119])
def test_a_piece_of_one_is_none(length: int) -> None:
    with pytest.raises(Unopened):
        open_(sealed()[:length], PLACE, KEY)


def test_sealed_anew_it_opens_with_the_new_key_alone() -> None:
    newer = rewrap(sealed(), PLACE, KEY, OTHER.public_key(), SeededRng(2))

    assert kek_of(newer) == kek_id_of(OTHER.public_key()).hex()
    assert open_(newer, PLACE, OTHER) == SECRET
    assert newer[HEAD.size + WRAPPED :] == sealed()[HEAD.size + WRAPPED :]
    with pytest.raises(Unopened):
        open_(newer, PLACE, KEY)


def test_a_wrapped_key_of_another_row_does_not_fit() -> None:
    mine, other = sealed(1), sealed(2)
    mixed = mine[: HEAD.size] + other[HEAD.size : HEAD.size + WRAPPED] + mine[HEAD.size + WRAPPED :]

    with pytest.raises(Unopened):
        open_(mixed, PLACE, KEY)


@pytest.mark.attack("Q7")
def test_nothing_of_two_envelopes_of_one_secret_is_alike() -> None:
    """Q7: fresh data key, fresh ephemeral key and fresh nonce each time."""
    public, rng = KEY.public_key(), SystemRng()
    made = [seal(SECRET, PLACE, public, rng)[HEAD.size :] for _ in range(500)]

    assert len({one[:32] for one in made}) == len(made)
    assert len({one[WRAPPED : WRAPPED + 12] for one in made}) == len(made)
    assert not any(SECRET in one for one in made)
