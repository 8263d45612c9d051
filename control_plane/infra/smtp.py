"""Letters by mail: what lies in the outbox is handed to a mail server, and gone once that has it.

A letter is a file before it is sent, so a crash loses none; one that is on its way when the process
dies may arrive twice. The server is spoken to encrypted, except on this machine, and it is the one
that its certificate names.
"""

import asyncio
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

from loguru import logger

from control_plane.core.clock import Clock
from control_plane.errors import Unavailable
from control_plane.infra.mail import ENDING

LOOK_SECONDS = 1.0
ANSWER_SECONDS = 20.0
FIRST_REST_SECONDS = 5.0
LONGEST_REST_SECONDS = 600.0
AT_ONCE = 50
REFUSED = "refused"
PERMANENT = 500

Security = Literal["starttls", "tls", "none"]


class NoMailServer(Unavailable):
    """It is away, not who it should be, or wants to know us better."""


@dataclass(frozen=True)
class Server:
    host: str
    port: int
    security: Security
    sender: str
    username: str = ""
    password: str = field(default="", repr=False)
    trusted: Path | None = None  # certificates, if it is not the machine's own choice


@dataclass
class Postman:
    """Empties the outbox of this data folder."""

    folder: Path
    server: Server
    clock: Clock
    _failures: int = 0

    async def run(self) -> None:
        while True:
            try:
                await self.once()
                self._failures = 0
            except NoMailServer as error:
                self._failures += 1
                logger.warning("mail_waits", reason=str(error), failures=self._failures)
                rest = FIRST_REST_SECONDS * 2 ** min(self._failures - 1, 10)
                await self.clock.sleep(min(LONGEST_REST_SECONDS, rest))
            await self.clock.sleep(LOOK_SECONDS)

    async def once(self) -> int:
        """Hand over what waits; how many letters that were."""
        waiting = sorted(self.folder.glob(f"*{ENDING}"))[:AT_ONCE]
        if not waiting:
            return 0
        return await asyncio.to_thread(self._hand_over, waiting)

    def _hand_over(self, waiting: list[Path]) -> int:
        handed = 0
        with _connected(self.server) as smtp:
            for path in waiting:
                try:
                    smtp.send_message(self._addressed(path))
                except smtplib.SMTPResponseException as error:
                    self._put_aside(path, error.smtp_code)
                except smtplib.SMTPRecipientsRefused as error:
                    self._put_aside(path, max(code for code, _ in error.recipients.values()))
                else:
                    path.unlink()
                    handed += 1
                    logger.info("mail_sent", letter=path.stem)
        return handed

    def _addressed(self, path: Path) -> EmailMessage:
        message = message_from_bytes(path.read_bytes(), policy=policy.default)
        assert isinstance(message, EmailMessage)
        message["From"] = self.server.sender
        message["Date"] = format_datetime(self.clock.now())
        message["Message-ID"] = make_msgid(path.stem, self.server.sender.rpartition("@")[2])
        return message

    def _put_aside(self, path: Path, code: int) -> None:
        """What is refused for good is kept where somebody may look at it; anything else waits."""
        logger.warning("mail_refused", letter=path.stem, code=code)
        if code < PERMANENT:
            raise NoMailServer(f"The mail server answers {code}.", remedy="It is tried again.")
        aside = self.folder / REFUSED
        aside.mkdir(mode=0o700, exist_ok=True)
        path.replace(aside / path.name)


@contextmanager
def _connected(server: Server) -> Iterator[smtplib.SMTP]:
    trusts = ssl.create_default_context(cafile=server.trusted)
    where = f"{server.host}:{server.port}"
    try:
        # Whom we do not trust we hang up on: a goodbye would wait for an answer.
        with closing(_opened(server, trusts)) as smtp:
            if server.security == "starttls":
                smtp.starttls(context=trusts)
            if server.username:
                smtp.login(server.username, server.password)
            yield smtp
            smtp.quit()
    except smtplib.SMTPAuthenticationError as error:
        raise NoMailServer(
            f"The mail server at {where} does not know us.",
            remedy="Check SLIPWAY_MAIL__USERNAME and SLIPWAY_MAIL__PASSWORD.",
        ) from error
    except ssl.SSLError as error:
        raise NoMailServer(
            f"The mail server at {where} cannot prove its name: {error.reason or error}.",
            remedy="Check SLIPWAY_MAIL__HOST, or name its authority in SLIPWAY_MAIL__CA.",
        ) from error
    except (smtplib.SMTPException, OSError) as error:
        raise NoMailServer(
            f"The mail server at {where} does not take letters: {type(error).__name__}.",
            remedy="Check SLIPWAY_MAIL__HOST, __PORT and __SECURITY.",
        ) from error


def _opened(server: Server, trusts: ssl.SSLContext) -> smtplib.SMTP:
    if server.security == "tls":
        return smtplib.SMTP_SSL(server.host, server.port, timeout=ANSWER_SECONDS, context=trusts)
    return smtplib.SMTP(server.host, server.port, timeout=ANSWER_SECONDS)
