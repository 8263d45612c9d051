"""Backtests and searches on the platform."""

from control_plane.backtests.service.use_cases import Backtests

__all__ = ["Backtests"]
