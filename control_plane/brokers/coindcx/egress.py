"""Through which address an account's requests leave: always the same one.

The venue may bind a key to an address and may count by it, so an account that wandered would be
refused or starve another. Which address is a pure function of the account and the list; taking one
away moves only its own accounts.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from control_plane.core.ids import AccountId
from control_plane.errors import Invalid


@dataclass(frozen=True, slots=True)
class Egress:
    """A local address to send from, or a proxy to send through; neither is the machine's own."""

    name: str
    local_address: str | None = None
    proxy: str | None = None


DIRECT = Egress("direct")


def parse_egress(text: str) -> tuple[Egress, ...]:
    """`10.0.0.5,http://proxy:3128`: addresses and proxies as a setting names them."""
    found = tuple(
        Egress(part, proxy=part) if "://" in part else Egress(part, local_address=part)
        for part in (each.strip() for each in text.split(","))
        if part
    )
    if len({each.name for each in found}) != len(found):
        raise Invalid("An egress address is named twice.", field="egress", remedy="Name it once.")
    return found or (DIRECT,)


def pinned(
    account: AccountId, egresses: Sequence[Egress], by_hand: Mapping[AccountId, str] | None = None
) -> Egress:
    """The address of an account: the one chosen by hand, else the highest of its draws."""
    if by_hand and (name := by_hand.get(account)) is not None:
        for each in egresses:
            if each.name == name:
                return each
        raise Invalid(
            f"Account {account} is pinned to {name!r}, which is no egress address.",
            field="egress",
            remedy="Name one of the configured addresses.",
        )
    if len(egresses) == 1:
        return egresses[0]
    return max(egresses, key=lambda each: sha256(f"{each.name}\0{account}".encode()).digest())
