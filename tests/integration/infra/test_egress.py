"""The pinned connection on a real socket: to the address that was looked at, and to nobody who
cannot prove the name.
"""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from control_plane.infra.net import Request, Unreachable, unpooled

PACKED = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x00"


def certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    files = folder / "cert.pem", folder / "key.pem"
    files[0].write_bytes(made.public_bytes(serialization.Encoding.PEM))
    files[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return files


async def test_the_name_is_proved_at_the_pinned_address(tmp_path: Path) -> None:
    cert, key = certificate(tmp_path, "outside.example.com")
    offers = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offers.load_cert_chain(cert, key)
    asked: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(PACKED)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=offers)
    port = server.sockets[0].getsockname()[1]
    trusts = ssl.create_default_context(cafile=str(cert))
    net = unpooled(trusts)
    url = f"https://127.0.0.1:{port}/a"
    host = {"Host": "outside.example.com"}

    right = Request("GET", url, host, server_name="outside.example.com", as_sent=True)
    reply = await net.send(right)
    with pytest.raises(Unreachable, match="certificate"):
        await net.send(Request("GET", url, host, server_name="evil.example.com"))
    await net.close()
    server.close()
    await server.wait_closed()

    assert b"Host: outside.example.com" in asked[0]
    assert reply.body == b"\x1f\x8b\x08\x00"  # nobody unpacked it
