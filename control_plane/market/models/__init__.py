"""The market's vocabulary and its decisions, all of them pure."""
