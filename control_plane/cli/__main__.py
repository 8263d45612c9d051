"""`python -m control_plane.cli` is the `slipway` command of this very tree."""

from control_plane.cli.main import run

run()
