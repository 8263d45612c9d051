"""The use cases of deployments, and what the trading role records of them."""

from control_plane.deployments.service.hearing import (
    Advance,
    Beat,
    Launch,
    Standing,
    advance,
    cut_off,
    end_drained,
    hear_beats,
    hear_bye,
    hear_hello,
    is_alive,
    launched,
    launches,
    make_active,
    said_hello,
    standings,
)
from control_plane.deployments.service.looking import Origin, find, listed, origin
from control_plane.deployments.service.use_cases import Deployments

__all__ = [
    "Advance",
    "Beat",
    "Deployments",
    "Launch",
    "Origin",
    "Standing",
    "advance",
    "cut_off",
    "end_drained",
    "find",
    "hear_beats",
    "hear_bye",
    "hear_hello",
    "is_alive",
    "launched",
    "launches",
    "listed",
    "make_active",
    "origin",
    "said_hello",
    "standings",
]
