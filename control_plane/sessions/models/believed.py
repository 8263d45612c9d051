"""What was found true a moment ago and is not asked again: whoever reads often costs one question
in five seconds. What ends here is forgotten at once; what ends in another process, at most five
seconds later. Nothing that moves money, keys or limits is believed.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

SECONDS = 5.0
REMEMBERED = 10_000

T = TypeVar("T")


@dataclass
class Believed(Generic[T]):
    _found: dict[Hashable, tuple[float, T]] = field(default_factory=dict)

    def get(self, key: Hashable, now: float) -> T | None:
        at, found = self._found.get(key, (now - SECONDS, None))
        return found if now - at < SECONDS else None

    def keep(self, key: Hashable, now: float, found: T) -> T:
        self._found.pop(key, None)
        self._found[key] = (now, found)
        while len(self._found) > REMEMBERED:
            del self._found[next(iter(self._found))]
        return found

    def forget(self, key: Hashable) -> None:
        self._found.pop(key, None)

    def forget_all(self) -> None:
        self._found.clear()
