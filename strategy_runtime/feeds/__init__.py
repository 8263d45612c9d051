"""Where candles come from. A feed hands them to a `Course`, in order; decisions come back.

`replay` takes them from a list and is a plain loop; `live` takes them from Redis, where they may
come twice, late, or not at all.
"""
