"""The use cases of deployments, and what the trading role records of them."""

from control_plane.deployments.service.hearing import (
    Advance,
    Beat,
    Launch,
    Standing,
    advance,
    cut_off,
    hear_beats,
    hear_bye,
    hear_hello,
    launched,
    launches,
    make_active,
    standings,
)

__all__ = [
    "Advance",
    "Beat",
    "Launch",
    "Standing",
    "advance",
    "cut_off",
    "hear_beats",
    "hear_bye",
    "hear_hello",
    "launched",
    "launches",
    "make_active",
    "standings",
]
