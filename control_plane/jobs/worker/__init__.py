"""Jobs on both sides of the bus: the fleet runs them, the trading role takes their results."""

from control_plane.jobs.worker.chandler import Chandler
from control_plane.jobs.worker.hands import JobHands
from control_plane.jobs.worker.intake import JobIntake
from control_plane.jobs.worker.runner import Runner

__all__ = ["Chandler", "JobHands", "JobIntake", "Runner"]
