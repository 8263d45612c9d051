"""A mail server as a process: `python -m tests.smtp_server FOLDER PORT MODE`.

It keeps what it is given as files. MODE is starttls, tls or none; it takes letters only from who
signs in, refuses nobody@… for good and later@… for now.
"""

import asyncio
import ssl
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

KNOWN = LoginPassword(b"slipway", b"harbour-password")


class Handler:
    def __init__(self, folder: Path, mode: str) -> None:
        self.folder = folder
        self.is_encrypted = mode == "tls"  # from the first byte on
        self.count = 0

    async def handle_RCPT(  # aiosmtpd's
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: Any
    ) -> str:
        if address.startswith("nobody@"):
            return "550 there is nobody"
        if address.startswith("later@"):
            return "451 come back later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(  # aiosmtpd's
        self, _server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        content = envelope.content
        assert isinstance(content, bytes)
        self.count += 1
        encrypted = self.is_encrypted or session.ssl is not None
        head = f"X-Was-Encrypted: {encrypted}\r\nX-To: {envelope.rcpt_tos}\r\n"
        (self.folder / f"{self.count}.got").write_bytes(head.encode() + content)
        return "250 taken"


def _known(_server: SMTP, _session: Any, _envelope: Any, mechanism: str, given: Any) -> AuthResult:
    is_known = mechanism in {"LOGIN", "PLAIN"} and given == KNOWN
    return AuthResult(success=is_known, handled=False)  # so that who is not known is told


async def main(folder: Path, port: int, mode: str) -> None:
    offers = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    offers.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    handler = Handler(folder, mode)

    def serve() -> SMTP:
        return SMTP(
            handler,
            tls_context=offers if mode == "starttls" else None,
            require_starttls=mode == "starttls",
            auth_required=mode != "none",
            auth_require_tls=mode == "starttls",
            authenticator=_known,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        serve, "127.0.0.1", port, ssl=offers if mode == "tls" else None
    )
    (folder / "ready").touch()
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]))
