"""One text for one value, for decisions and tables alike."""

from typing import Any

import msgspec


def canonical_json(value: Any) -> str:
    """One text for one value: sorted keys, decimals as text, so that hashes and comparisons
    hold.
    """
    return msgspec.json.encode(value, order="sorted").decode()
