"""How often the venue lets itself be asked: per key or per address, and three routes apart."""

from dataclasses import dataclass, field

TIGHT = {"/orders/active_orders": 300, "/orders/cancel_by_ids": 300, "/orders/cancel_all": 30}


@dataclass
class Limits:
    per_second: int = 16
    per_minute: int = 960
    tight: dict[str, int] = field(default_factory=lambda: dict(TIGHT))
    _counts: dict[tuple[str, str, int], int] = field(default_factory=dict)
    refused: int = 0

    def allows(self, who: str, path: str, now_ms: int) -> bool:
        """Counts the request, whether or not it goes through."""
        second, minute = now_ms // 1000, now_ms // 60_000
        if len(self._counts) > 100_000:
            self._counts = {k: v for k, v in self._counts.items() if k[2] in (second, minute)}
        fits = self._count(who, "s", second) <= self.per_second
        fits &= self._count(who, "m", minute) <= self.per_minute
        for route, most in self.tight.items():
            if path.endswith(route):
                fits &= self._count(who, route, minute) <= most
        self.refused += not fits
        return fits

    def _count(self, who: str, what: str, window: int) -> int:
        key = (who, what, window)
        count = self._counts[key] = self._counts.get(key, 0) + 1
        return count
