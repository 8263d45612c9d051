"""The use cases of signals: `recording` for the intake, `reading` for orders and for whoever looks
on.
"""
