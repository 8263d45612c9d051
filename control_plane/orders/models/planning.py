"""One signal, many subscriptions: for each active one exactly one intent, or one skip that says
why. Pure.
"""

from collections.abc import Iterable
from decimal import Decimal
from hashlib import sha256

from control_plane.orders.models import prices
from control_plane.orders.models.entering import Entry
from control_plane.orders.models.exiting import Exit
from control_plane.orders.models.scene import Intended, Plan, Scene, Skipped, Subscriber
from strategy_runtime.rules import sizing
from strategy_runtime.rules.money import ZERO, canonical


def plan(scene: Scene, subscribers: Iterable[Subscriber]) -> Plan:
    """Intents and skips in the order that the signal's seed shuffles them into."""
    decide = (Entry(scene) if scene.signal.kind == "entry" else Exit(scene)).decide
    intents: list[Intended] = []
    skips: list[Skipped] = []
    for subscriber in shuffled(scene.signal.seed, subscribers):
        decided = decide(subscriber, len(intents))
        if isinstance(decided, Intended):
            intents.append(decided)
        else:
            skips.append(decided)
    return Plan(tuple(intents), tuple(skips), _shared(scene))


def shuffled(seed: int, subscribers: Iterable[Subscriber]) -> list[Subscriber]:
    """The same order for the same seed, and no place of its own for anybody."""
    salt = sha256(str(seed).encode())

    def place(subscriber: Subscriber) -> bytes:
        digest = salt.copy()
        digest.update(subscriber.terms.id.encode())
        return digest.digest()

    return sorted(subscribers, key=place)


def _shared(scene: Scene) -> dict[str, str]:
    """What every explain record of this signal has in common."""
    signal = scene.signal
    record = sizing.shared(
        sizing.Ask(
            instrument=scene.instrument,
            side=signal.side,
            entry=signal.price,
            stop=prices.on_tick(signal.side, "stop", signal.stop_loss, scene.instrument),
            capital=ZERO,
            rate=Decimal(1),
            risk=ZERO,
            leverage=Decimal(1),
            free=ZERO,
            leverage_ceiling=scene.leverage_ceiling,
        )
    )
    for (source, target), rate in sorted(scene.rates.items()):
        record[f"rate.{source}.{target}"] = canonical(rate.value)
        record[f"rate.{source}.{target}.source"] = rate.source
        record[f"rate.{source}.{target}.age_ms"] = str(rate.age_ms)
    if scene.quote is not None:
        record["last"] = canonical(scene.quote.price)
        record["last.age_ms"] = str(scene.quote.age_ms)
    record["signalled"] = canonical(signal.price)
    return record
