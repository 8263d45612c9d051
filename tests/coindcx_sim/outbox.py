"""Private events on their way to whoever listens, and what befalls them there."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.coindcx_sim.accounts import Account
from tests.coindcx_sim.faults import Fault
from tests.coindcx_sim.timers import Timers

Deliver = Callable[[str, Any], None]

SPOT_EVENTS = ("order-update", "trade-update")


@dataclass
class Trouble:
    silent_until_ms: int = 0
    repeat: int = 0
    late_ms: int = 0
    held: list[tuple[str, Any]] = field(default_factory=list)
    reorder: int = 0


@dataclass
class Outbox:
    timers: Timers
    listeners: dict[str, list[Deliver]] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    lost: int = 0

    def listen(self, key: str, deliver: Deliver) -> Callable[[], None]:
        """Returns how to stop."""
        listening = self.listeners.setdefault(key, [])
        listening.append(deliver)
        return lambda: listening.remove(deliver)

    def trouble(self, key: str, fault: Fault, now_ms: int) -> None:
        trouble = self.troubles.setdefault(key, Trouble())
        match fault.name:
            case "dup_event":
                trouble.repeat += 1
            case "reorder_events":
                trouble.reorder = max(2, int(fault.value))
            case "late_event":
                trouble.late_ms = int(fault.value * 1000)
            case "ws_gap":
                trouble.silent_until_ms = now_ms + int(fault.value * 1000)
            case _:
                trouble.silent_until_ms = 2**62

    def emit(self, account: Account, name: str, rows: Callable[[], Any]) -> None:
        if not self.listeners.get(account.key):
            return
        event = (name, rows())
        trouble = self.troubles.get(account.key)
        if trouble is None:
            self._deliver(account.key, event)
        elif self.timers.now_ms < trouble.silent_until_ms:
            self.lost += 1
        else:
            self._troubled(account.key, trouble, event)

    def _troubled(self, key: str, trouble: Trouble, event: tuple[str, Any]) -> None:
        if trouble.reorder:
            trouble.held.append(event)
            if len(trouble.held) >= trouble.reorder:
                held, trouble.held, trouble.reorder = trouble.held[::-1], [], 0
                for each in held:
                    self._deliver(key, each)
            return
        if trouble.late_ms:
            due, trouble.late_ms = self.timers.now_ms + trouble.late_ms, 0
            self.timers.at(due, lambda _: self._deliver(key, event))
            return
        for _ in range(1 + trouble.repeat):
            self._deliver(key, event)
        trouble.repeat = 0

    def _deliver(self, key: str, event: tuple[str, Any]) -> None:
        for deliver in list(self.listeners.get(key, ())):
            deliver(*event)
