"""What goes wrong: scripted for a request, struck at an account, or drawn from a seed."""

import random
from dataclasses import dataclass, field, replace

# Nothing is processed.
BEFORE = ("lose_request", "delay_request", "429", "503_window", "401", "stale_timestamp")
# It is processed, and the answer goes astray.
AFTER = (
    "accept_then_500",
    "accept_then_503",
    "accept_then_429",
    "accept_then_hang",
    "accept_then_reset",
    "accept_then_html_502",
    "lose_reply",
    "delay_reply",
    "empty_list",
    "bad_json",
)
# The order that the request makes or ends behaves otherwise than its answer says.
ORDER = (
    "invisible_for",
    "partial_fill",
    "reject_after_ack",
    "drop_sl_silently",
    "split_into_children",
    "dup_coid_accept",
    "dup_coid_refuse",
    "fill_before_cancel",
    "fill_after_cancel",
)
# Something happens to the account that nobody asked for.
ACCOUNT = (
    "both_sl_and_tp_fill",
    "liquidate",
    "foreign_order",
    "user_cancels_our_sl",
    "user_closes_position",
    "balance_lag",
)
EVENTS = ("dup_event", "reorder_events", "late_event", "ws_gap", "ws_silent")
NAMES = BEFORE + AFTER + ORDER + ACCOUNT + EVENTS


@dataclass(frozen=True)
class Fault:
    name: str
    value: float = 0.0  # seconds, or a share
    detail: str = ""  # a pair, a market, or a body's status

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(f"no such fault: {self.name}; there are {', '.join(NAMES)}")


@dataclass
class Script:
    fault: Fault
    path: str = ""  # the end of a path
    key: str = ""
    times: int = 1
    skip: int = 0  # so many matching requests pass first

    def fits(self, path: str, key: str) -> bool:
        return path.endswith(self.path) and self.key in ("", key)


@dataclass
class Faults:
    scripts: list[Script] = field(default_factory=list)
    chances: dict[str, tuple[float, Fault]] = field(default_factory=dict)
    drawn_on: tuple[str, ...] = ("/create",)
    closed_until_ms: int = 0
    _rng: random.Random = field(default_factory=lambda: random.Random(0))
    drawn: int = 0

    def script(
        self, fault: Fault, *, path: str = "", key: str = "", times: int = 1, skip: int = 0
    ) -> None:
        self.scripts.append(Script(fault, path, key, times, skip))

    def seed(
        self, seed: int, chances: dict[Fault, float], drawn_on: tuple[str, ...] = ("/create",)
    ) -> None:
        """Each matching request draws: the same seed and requests give the same faults."""
        self._rng = random.Random(seed)
        self.chances = {fault.name: (chance, fault) for fault, chance in chances.items()}
        self.drawn_on = drawn_on

    def pick(self, path: str, key: str, now_ms: int) -> Fault | None:
        if now_ms < self.closed_until_ms:
            return Fault("503_window")
        found = self._scripted(path, key) or self._drawn(path)
        if found is not None and found.name == "503_window":
            self.closed_until_ms = now_ms + int(found.value * 1000)
        return found

    def _scripted(self, path: str, key: str) -> Fault | None:
        for script in self.scripts:
            if not script.fits(path, key):
                continue
            if script.skip:
                script.skip -= 1
                continue
            script.times -= 1
            if not script.times:
                self.scripts.remove(script)
            return script.fault
        return None

    def _drawn(self, path: str) -> Fault | None:
        if not self.chances or not path.endswith(self.drawn_on):
            return None
        draw = self._rng.random()
        for chance, fault in self.chances.values():
            if draw < chance:
                self.drawn += 1
                value = fault.value * self._rng.random() if fault.value else 0.0
                return replace(fault, value=value)
            draw -= chance
        return None
