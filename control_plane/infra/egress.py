"""Fetching an address that a user gave us, without becoming their way into our own network.

A name is looked up once, every address that it has must be a public one, and the connection goes to
one of exactly these, so that a name cannot mean something else a moment later. A redirect is one
more address that somebody gave us. What comes back is short and comes soon, or not at all.

This is the only client for such addresses: an import contract keeps `infra.net` from the slices
whose users could name one.
"""

import asyncio
import ipaddress
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from control_plane.errors import Invalid
from control_plane.infra.net import Net, Reply, Request, Unreachable

PORT = 443
SECONDS = 5.0
MOST_BYTES = 64 * 1024
REDIRECTS = 3
LONGEST = 2_000
MOVED = {301, 302, 303, 307, 308}

LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
# Whoever reads such a last label as a number reads an address in it: 0x7f.1, 2130706433, 127.0x1.
NUMERIC = re.compile(r"(?:[0-9]+|0x[0-9a-f]*)")
OURS = (
    "localhost",
    "local",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "arpa",
    "test",
    "onion",
)
# What Python calls global in one version or another: protocols' own addresses, a cloud's metadata
# among them, and tunnels to addresses that need not be public.
NOT_PUBLIC = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "2002::/16", "2001::/23", "64:ff9b::/32"),
    )
)
GLOBAL_6 = ipaddress.ip_network("2000::/3")

Resolve = Callable[[str], Awaitable[Sequence[str]]]


class NotOutside(Invalid):
    """An address that we do not fetch."""


@dataclass(frozen=True)
class Place:
    """Where a URL leads: a name for the certificate, and what to ask for there."""

    host: str
    target: str


@dataclass(frozen=True)
class Egress:
    net: Net  # must keep no connection: one is for one name at one address
    resolve: Resolve
    seconds: float = SECONDS
    most_bytes: int = MOST_BYTES

    async def fetch(self, url: str, *, method: str = "GET", body: bytes = b"") -> Reply:
        """The answer from outside. Only what was asked with GET follows a redirect."""
        try:
            async with asyncio.timeout(self.seconds):
                return await self._follow(url, method, body)
        except TimeoutError as error:
            raise Unreachable(f"{url!r} did not answer within {self.seconds:g} s.") from error

    async def _follow(self, url: str, method: str, body: bytes) -> Reply:
        for _ in range(REDIRECTS + 1):
            reply = await self._once(url, method, body)
            location = next((v for k, v in reply.headers.items() if k.lower() == "location"), "")
            if reply.status not in MOVED or not location or method != "GET":
                return reply
            url = urljoin(url, location)
        raise Unreachable(f"{url!r} is the end of more than {REDIRECTS} redirects.")

    async def _once(self, url: str, method: str, body: bytes) -> Reply:
        found = place(url)
        address = await self._address(found.host)
        shown = f"[{address}]" if ":" in address else address
        return await self.net.send(
            Request(
                method,
                f"https://{shown}{found.target}",
                {"Host": found.host, "Accept-Encoding": "identity"},
                body,
                self.seconds,
                self.most_bytes,
                server_name=found.host,
                as_sent=True,
            )
        )

    async def _address(self, host: str) -> str:
        literal = host.strip("[]")
        found = [literal] if is_address(literal) else await self.resolve(host)
        if not found:
            raise Unreachable(f"There is no host {host!r}.")
        inside = [one for one in found if not is_public(one)]
        if inside:
            raise NotOutside(
                f"{host!r} is no public host.",
                field="url",
                remedy="Give an address that everybody on the internet can reach.",
            )
        return found[0]


def place(url: str) -> Place:
    """Where a URL leads, if it is one of the plain kind that is fetched."""
    if len(url) > LONGEST or not url.isascii() or any(c <= " " or c in "\\\x7f" for c in url):
        raise _refused(url, "it holds what no plain address holds")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise _refused(url, "it cannot be read") from error
    if parts.scheme != "https":
        raise _refused(url, "it does not begin with https://")
    if "@" in parts.netloc:
        raise _refused(url, "it names a user")
    if port not in {None, PORT} or parts.netloc.endswith(":"):
        raise _refused(url, f"it names a port other than {PORT}")
    host = (parts.hostname or "").rstrip(".")
    if not (_is_name(host) or is_address(host)):
        raise _refused(url, "its host is no name of a public host")
    target = parts.path or "/"
    shown = f"[{host}]" if ":" in host else host
    return Place(shown, f"{target}?{parts.query}" if parts.query else target)


def is_address(text: str) -> bool:
    try:
        return str(ipaddress.ip_address(text)) == text.lower()
    except ValueError:
        return False


def is_public(text: str) -> bool:
    """Whether anybody on the internet would reach the same host there."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return False
    if any(found in network for network in NOT_PUBLIC if network.version == found.version):
        return False
    if isinstance(found, ipaddress.IPv6Address) and found not in GLOBAL_6:
        return False
    return found.is_global and not (
        found.is_multicast or found.is_reserved or found.is_unspecified or found.is_loopback
    )


def _is_name(host: str) -> bool:
    labels = host.split(".")
    return (
        len(host) <= 253
        and len(labels) > 1
        and all(LABEL.fullmatch(label) for label in labels)
        and not NUMERIC.fullmatch(labels[-1])
        and labels[-1] not in OURS
    )


def _refused(url: str, why: str) -> NotOutside:
    return NotOutside(
        f"{url[:200]!r} is not fetched: {why}.",
        field="url",
        remedy="Give a plain https:// address of a public host.",
    )


async def look_up(host: str) -> list[str]:
    """Every address of a name, as this machine finds them."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, PORT, proto=6)  # TCP
    except OSError as error:
        raise Unreachable(f"There is no host {host!r}.") from error
    return list(dict.fromkeys(str(address[0]) for *_, address in found))
