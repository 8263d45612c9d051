"""Ticks for people and programs that want the price now: at most one per instrument in a while."""

from dataclasses import dataclass, field
from decimal import Decimal

from control_plane.market.models.trades import Trade
from strategy_runtime.wire.messages import Tick


@dataclass
class Conflation:
    """Keeps the newest price and adds up what traded since the last tick that left."""

    interval_ms: int = 100
    _price: dict[str, Trade] = field(default_factory=dict)
    _quantity: dict[str, Decimal] = field(default_factory=dict)
    _left_ms: dict[str, int] = field(default_factory=dict)

    def add(self, trade: Trade) -> None:
        name = trade.instrument
        held = self._price.get(name)
        if held is None:
            self._price[name], self._quantity[name] = trade, trade.quantity
            return

        self._quantity[name] += trade.quantity
        if (trade.at_ms, trade.id) > (held.at_ms, held.id):
            self._price[name] = trade

    def due(self, now_ms: int) -> list[tuple[str, Tick]]:
        """What may leave now, with the operational time it leaves at."""
        names = [n for n in self._price if now_ms - self._left_ms.get(n, 0) >= self.interval_ms]
        return [(name, self._take(name, now_ms)) for name in names]

    def drop(self, name: str) -> None:
        self._price.pop(name, None)
        self._quantity.pop(name, None)

    def _take(self, name: str, now_ms: int) -> Tick:
        self._left_ms[name] = now_ms
        trade, quantity = self._price.pop(name), self._quantity.pop(name)
        return Tick(trade.at_ms, trade.price, quantity, now_ms)
