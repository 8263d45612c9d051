"""Event in, decision out. Pure: no IO, no clock, and the same answer every time."""
