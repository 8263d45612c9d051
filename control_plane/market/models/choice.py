"""Which feed an instrument comes from, where several list it: the one chosen for it by hand, else
the first of the list.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Choice:
    feeds: Sequence[str] = ("simulated",)
    by_instrument: Mapping[str, str] = field(default_factory=dict)

    def takes(self, feed: str, identity: str, held_by: str) -> bool:
        """Whether this feed takes an instrument over that another holds."""
        return self._rank(feed, identity) < self._rank(held_by, identity)

    def may_list(self, feed: str, identity: str) -> bool:
        return self.by_instrument.get(identity, feed) == feed

    def _rank(self, feed: str, identity: str) -> int:
        if self.by_instrument.get(identity) == feed:
            return -1
        return self.feeds.index(feed) if feed in self.feeds else len(self.feeds)
