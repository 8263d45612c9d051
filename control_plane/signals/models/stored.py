"""Signals as they stand in the table."""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from control_plane.core.ids import DeploymentId, InstrumentId, Shard, SignalId, Tenant
from strategy_runtime.wire import messages

Kind = Literal["entry", "exit"]


@dataclass(frozen=True)
class StoredSignal:
    """A signal as it was committed."""

    id: SignalId
    deployment: DeploymentId
    tenant: Tenant
    shard: Shard
    instrument: InstrumentId
    trigger: str
    trigger_open_ms: int
    generation: int
    kind: Kind
    action: messages.Action
    price: Decimal
    stop_loss: Decimal | None
    take_profit: Decimal | None
    reason: str
    state: str
    refusal: str | None
    seed: int
    published_ms: int
    decided_ms: int
    accepted_ms: int
    planned_ms: int | None
