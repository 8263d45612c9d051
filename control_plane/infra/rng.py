"""Randomness: the operating system's for secrets and ids, a seeded one for histories that
replay.
"""

import random
import secrets


class SystemRng:
    def bytes(self, n: int) -> bytes:
        return secrets.token_bytes(n)

    def uniform(self, low: float, high: float) -> float:
        return secrets.SystemRandom().uniform(low, high)

    def below(self, n: int) -> int:
        return secrets.randbelow(n)


class SeededRng:
    """One integer replays it. Never for secrets."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def bytes(self, n: int) -> bytes:
        return self._random.randbytes(n)

    def uniform(self, low: float, high: float) -> float:
        return self._random.uniform(low, high)

    def below(self, n: int) -> int:
        return self._random.randrange(n)
