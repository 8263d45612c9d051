"""Every bit of a thousand envelopes, flipped: how many of them were refused, and how fast.

python -m benchmarks.envelopes [COUNT]
"""

import sys
from time import perf_counter

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from control_plane.infra.rng import SystemRng
from control_plane.keys.models.envelope import Place, Unopened, open_, seal

SECRET = b"0123456789abcdef" * 4


def run(count: int) -> tuple[int, int]:
    rng, key = SystemRng(), X25519PrivateKey.generate()
    tried = refused = 0
    for number in range(count):
        place = Place("in", "us", f"ac{number}", "coindcx", "secret", number)
        envelope = seal(SECRET, place, key.public_key(), rng)
        for bit in range(len(envelope) * 8):
            changed = bytearray(envelope)
            changed[bit // 8] ^= 1 << bit % 8
            tried += 1
            try:
                open_(bytes(changed), place, key)
            except Unopened:
                refused += 1
    return tried, refused


if __name__ == "__main__":
    began = perf_counter()
    tried, refused = run(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000)
    print(f"{refused} of {tried} changed envelopes refused in {perf_counter() - began:.0f} s")
    sys.exit(refused != tried)
