"""The use cases of strategies, and what other slices ask about versions."""

from control_plane.strategies.service.apart import check_apart
from control_plane.strategies.service.use_cases import Check, Strategies
from control_plane.strategies.service.versions import Strategy, Version, deployable, find, names

__all__ = [
    "Check",
    "Strategies",
    "Strategy",
    "Version",
    "check_apart",
    "deployable",
    "find",
    "names",
]
