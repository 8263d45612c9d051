"""Old decisions go: what they led to is kept elsewhere, and so old a trigger never comes again."""

from collections.abc import Sequence

from control_plane.infra.db import Tx
from control_plane.signals.store import intake


def forget_decisions(tx: Tx, before_ms: int, limit: int) -> int:
    return intake.forget_decisions(tx, before_ms, limit)


def forget_signals(tx: Tx, identities: Sequence[str]) -> int:
    """Those that nobody acted on."""
    return intake.forget_signals(tx, identities)
