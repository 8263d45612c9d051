"""What becomes of an exit in one account: it is planned for every subscription whose position an
earlier trigger opened, whatever has been halted, paused or used up since.
"""

from dataclasses import dataclass

from control_plane.core.ids import (
    intent_id,
)
from control_plane.orders.models.scene import Holding, Intended, Scene, Skipped, Subscriber
from control_plane.orders.models.trades import closing_side


@dataclass(frozen=True)
class Exit:
    scene: Scene

    def decide(self, who: Subscriber, rank: int) -> Intended | Skipped:
        signal = self.scene.signal
        holding = self.scene.holdings.get(who.terms.id)
        if holding is None or holding.side != signal.side:
            return Skipped(who, "no_position")
        if holding.entry_trigger_ms >= signal.trigger_ms:
            return Skipped(who, "superseded")
        if holding.is_leaving:
            return Skipped(who, "already_leaving")
        return self.leave(who, holding, rank)

    def leave(self, who: Subscriber, holding: Holding, rank: int) -> Intended:
        return Intended(
            id=intent_id(self.scene.signal.id, who.terms.id, "exit", 0),
            subscriber=who,
            leg="exit",
            side=closing_side(holding.side),
            kind="market" if self.scene.instrument.is_futures else "limit",
            quantity=holding.quantity,
            trade=holding.trade,
            waits_for=holding.entry,
            rank=rank,
            explain={},
        )
