"""The use cases of strategies, and what other slices ask about versions."""

from control_plane.strategies.service.apart import check_apart
from control_plane.strategies.service.trials import (
    IS_RUN,
    awaiting,
    claim_trial,
    conclude_trial,
    note_trial,
)
from control_plane.strategies.service.use_cases import Check, Strategies
from control_plane.strategies.service.versions import Strategy, Version, deployable, find, names

__all__ = [
    "IS_RUN",
    "Check",
    "Strategies",
    "Strategy",
    "Version",
    "awaiting",
    "check_apart",
    "claim_trial",
    "conclude_trial",
    "deployable",
    "find",
    "names",
    "note_trial",
]
