"""What runs once and hands in a result: checks of uploads, backtests, searches for parameters."""
