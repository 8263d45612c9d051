"""The census: on which machines strategies run, and what these have to spare."""

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import Row

from control_plane.containers.models import Node
from control_plane.deployments.store import nodes as store
from control_plane.infra.db import Tx

KEPT_MS = 60_000  # of a machine that nobody counts any more


def count(tx: Tx, launcher: str, found: Sequence[Node]) -> None:
    """A cluster knows what it has promised; of a lone machine our own tables do."""
    now = tx.now_ms()
    if launcher != "swarm" and len(found) == 1:
        memory, number = store.promised(tx)
        found = [replace(found[0], promised_mb=memory, containers=number)]
    rows = [{**asdict(node), "launcher": launcher, "seen_ms": now} for node in found]
    store.replace(tx, rows, now - KEPT_MS)


def machines(tx: Tx) -> Sequence[Row[Any]]:
    return store.all_of_them(tx)
