"""The intake: listens to every generation of our shards, settles what they say, answers."""

from control_plane.signals.worker.intake import Intake

__all__ = ["Intake"]
