"""Whether the venue is in sight. A process that has heard nothing for half a minute leaves its
shards to one that does hear something; where all are blind, all keep theirs.
"""

from dataclasses import dataclass

from control_plane.core.clock import Clock

LOST_SECONDS = 30.0


@dataclass
class Sight:
    """Any answer is one, whatever it says; whoever asks nothing misses nothing."""

    clock: Clock
    patience: float = LOST_SECONDS
    _blind_since: float | None = None

    def heard(self) -> None:
        self._blind_since = None

    def missed(self) -> None:
        if self._blind_since is None:
            self._blind_since = self.clock.monotonic()

    @property
    def is_clear(self) -> bool:
        return self._blind_since is None

    @property
    def is_lost(self) -> bool:
        since = self._blind_since
        return since is not None and self.clock.monotonic() - since >= self.patience
