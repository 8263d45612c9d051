"""Subscriptions: what traders choose, and what orders ask of it."""

from control_plane.subscriptions.service.choosing import Resumer, Subscriptions
from control_plane.subscriptions.service.fitting import Fit, Room, fit, least_of, proposed, room
from control_plane.subscriptions.service.following import (
    Standing,
    Version,
    active,
    active_among,
    by_ids,
    counts,
    followed_instruments,
    following,
    leaving,
    left,
    standing,
    subscription,
    versions,
    versions_page,
)
from control_plane.subscriptions.service.foreseeing import Preview, Previewer

__all__ = [
    "Fit",
    "Preview",
    "Previewer",
    "Resumer",
    "Room",
    "Standing",
    "Subscriptions",
    "Version",
    "active",
    "active_among",
    "by_ids",
    "counts",
    "fit",
    "followed_instruments",
    "following",
    "least_of",
    "leaving",
    "left",
    "proposed",
    "room",
    "standing",
    "subscription",
    "versions",
    "versions_page",
]
