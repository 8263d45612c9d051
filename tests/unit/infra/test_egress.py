"""Catalogue U5: an address that a user gives leads outside, or nowhere."""

import asyncio
import ipaddress
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from control_plane.infra.egress import (
    REDIRECTS,
    Egress,
    NotOutside,
    is_public,
    place,
)
from control_plane.infra.net import Reply, Request, Unreachable
from tests.fakes.net import FakeNet

PUBLIC, OTHER = "93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"

# Each is a way that somebody has got to 127.0.0.1, to a metadata service or into a network with.
U5 = [
    "http://example.com/",
    "ftp://example.com/",
    "file:///etc/passwd",
    "gopher://example.com/",
    "https:example.com",
    "https:///example.com",
    "//example.com/",
    "https://",
    "https://127.0.0.1/",
    "https://127.1/",
    "https://127.000.000.001/",
    "https://0.0.0.0/",
    "https://0/",
    "https://2130706433/",
    "https://0x7f000001/",
    "https://0x7f.1/",
    "https://0177.0.0.1/",
    "https://017700000001/",
    "https://127.0.0.0x1/",
    "https://10.0.0.1/",
    "https://172.16.0.1/",
    "https://192.168.1.1/",
    "https://100.64.0.1/",
    "https://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254./",
    "https://192.0.0.192/",
    "https://198.18.0.1/",
    "https://224.0.0.1/",
    "https://240.0.0.1/",
    "https://255.255.255.255/",
    "https://[::1]/",
    "https://[::]/",
    "https://[::ffff:127.0.0.1]/",
    "https://[::ffff:7f00:1]/",
    "https://[0:0:0:0:0:ffff:127.0.0.1]/",
    "https://[::127.0.0.1]/",
    "https://[64:ff9b::7f00:1]/",
    "https://[64:ff9b:1::a9fe:a9fe]/",
    "https://[2002:7f00:1::]/",
    "https://[2001:0:53aa:64c::]/",
    "https://[fe80::1]/",
    "https://[fe80::1%25eth0]/",
    "https://[fc00::1]/",
    "https://[fd00:ec2::254]/",
    "https://[ff02::1]/",
    "https://[2001:db8::1]/",
    "https://localhost/",
    "https://LOCALHOST/",
    "https://localhost./",
    "https://app.localhost/",
    "https://metadata.google.internal/",
    "https://printer.local/",
    "https://redis/",
    "https://1.1.168.192.in-addr.arpa/",
    "https://user@example.com/",
    "https://user:password@example.com/",
    "https://example.com@127.0.0.1/",
    "https://127.0.0.1#@example.com/",
    "https://127.0.0.1\\@example.com/",
    "https://example.com\\.evil.example/",
    "https://example.com:80/",
    "https://example.com:6379/",
    "https://example.com:/",
    "https://example.com:443:443/",
    "https://example.com:99999/",
    "https://exa mple.com/",
    "https://example.com/\r\nHost: evil.example",
    "https://example.com/\x00",
    "https://ex\u00e4mple.com/",
    "https://\uff11\uff12\uff17.0.0.1/",
    "https://\u2460\u2461\u2466.0.0.1/",
    "https://-example.com/",
    "https://example..com/",
    "https://" + "a" * 300 + ".com/",
    "https://example.com/" + "a" * 3000,
]


def egress(answer: Callable[[Request], Reply], *addresses: str) -> Egress:
    async def resolve(host: str) -> list[str]:
        return list(addresses)

    return Egress(FakeNet(answer), resolve)


def ok(_request: Request) -> Reply:
    return Reply(200, {}, b"hello")


async def fetched(url: str, *addresses: str) -> list[Request]:
    outside = egress(ok, *(addresses or (PUBLIC,)))
    await outside.fetch(url)
    assert isinstance(outside.net, FakeNet)
    return outside.net.sent


@pytest.mark.parametrize("url", U5)
async def test_u5_what_leads_inside_is_never_asked(url: str) -> None:
    outside = egress(ok, "127.0.0.1")

    with pytest.raises(NotOutside) as refused:
        await outside.fetch(url)

    assert refused.value.field == "url"
    assert refused.value.remedy
    assert outside.net.sent == []  # type: ignore[attr-defined] # a FakeNet's


async def test_a_public_host_is_asked_at_the_address_that_was_looked_at() -> None:
    (sent,) = await fetched("https://Example.com/a?b=c#d", PUBLIC, OTHER)

    assert sent.url == f"https://{PUBLIC}/a?b=c"
    assert sent.headers["Host"] == sent.server_name == "example.com"
    assert (sent.max_reply_bytes, sent.as_sent) == (64 * 1024, True)


async def test_a_public_address_may_be_given_as_one() -> None:
    assert (await fetched(f"https://{PUBLIC}/"))[0].url == f"https://{PUBLIC}/"
    assert (await fetched(f"https://[{OTHER}]/"))[0].url == f"https://[{OTHER}]/"


@pytest.mark.parametrize("inside", ["10.0.0.1", "::1", "::ffff:10.0.0.1", "169.254.169.254"])
async def test_u5_one_address_inside_is_one_too_many(inside: str) -> None:
    with pytest.raises(NotOutside, match="no public host"):
        await fetched("https://example.com/", PUBLIC, inside)


async def test_u5_a_name_that_changes_its_mind_is_asked_once() -> None:
    """DNS rebinding: the second answer would be inside."""
    answers = iter([[PUBLIC], ["127.0.0.1"]])

    async def resolve(host: str) -> list[str]:
        return next(answers)

    net = FakeNet(ok)
    await Egress(net, resolve).fetch("https://rebind.example.com/")

    assert [sent.url for sent in net.sent] == [f"https://{PUBLIC}/"]


@pytest.mark.parametrize(
    "location", ["https://127.0.0.1/", "http://example.com/", "//10.0.0.1/", "https://[::1]/"]
)
async def test_u5_a_redirect_is_looked_at_like_any_address(location: str) -> None:
    outside = egress(lambda _: Reply(302, {"Location": location}, b""), PUBLIC)

    with pytest.raises(NotOutside):
        await outside.fetch("https://example.com/")


async def test_redirects_are_followed_a_few_times_and_within_the_host() -> None:
    def moves(request: Request) -> Reply:
        return (
            Reply(307, {"location": "further"}, b"")
            if "further" not in request.url
            else ok(request)
        )

    reply = await egress(moves, PUBLIC).fetch("https://example.com/a/b")
    assert reply.body == b"hello"

    with pytest.raises(Unreachable, match=f"more than {REDIRECTS}"):
        await egress(lambda _: Reply(301, {"location": "/"}, b""), PUBLIC).fetch("https://ex.com/")


async def test_what_is_sent_somewhere_is_not_sent_somewhere_else() -> None:
    outside = egress(lambda _: Reply(307, {"location": "https://other.com/"}, b""), PUBLIC)

    reply = await outside.fetch("https://example.com/", method="POST", body=b"{}")

    assert reply.status == 307
    assert len(outside.net.sent) == 1  # type: ignore[attr-defined] # a FakeNet's


async def test_a_host_that_dawdles_is_given_up() -> None:
    class Slow:
        async def send(self, request: Request) -> Reply:
            await asyncio.Event().wait()
            raise AssertionError

    async def resolve(host: str) -> list[str]:
        return [PUBLIC]

    with pytest.raises(Unreachable, match="within"):
        await Egress(Slow(), resolve, seconds=0.02).fetch("https://example.com/")


@given(st.ip_addresses(v=4))
@example(ipaddress.ip_address("192.88.99.1"))
def test_a_private_address_is_private_in_each_of_its_clothes(address: object) -> None:
    """Whatever an IPv4 address is wrapped in, the wrapping makes nothing public."""
    assert isinstance(address, ipaddress.IPv4Address)
    number = int(address)
    for wrapped in (
        ipaddress.IPv6Address(0xFFFF << 32 | number),
        ipaddress.IPv6Address(number),
        ipaddress.IPv6Address(0x2002 << 112 | number << 80),
        ipaddress.IPv6Address(0x64FF9B << 96 | number),
    ):
        assert not is_public(str(wrapped))
    assert not is_public(str(address)) or address.is_global


@given(st.text(max_size=60))
@example("[")
@example("1.2.3.4:443")
def test_no_text_is_more_than_a_refusal(text: str) -> None:
    for url in (text, f"https://{text}/", f"https://example.com/{text}"):
        try:
            found = place(url)
        except NotOutside:
            continue
        assert not set(found.host) & set("@\\/?# \r\n")
        assert not set(found.target) & set(" \r\n\x00")
