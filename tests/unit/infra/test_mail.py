"""What a letter may hold, and how it lies in the outbox."""

from email import message_from_bytes, policy
from pathlib import Path

import pytest

from control_plane.core.ids import Rng
from control_plane.errors import Invalid
from control_plane.infra.mail import BadLetter, FileOutbox, Letter
from control_plane.settings import MailSettings, Settings, load
from tests.fakes.clock import FakeClock


@pytest.mark.parametrize(
    ("to", "subject"),
    [
        ("ann@example.com\r\nBcc: eve@evil.example", "Hello"),
        ("ann@example.com\nBcc: eve@evil.example", "Hello"),
        ("ann@example.com, eve@evil.example", "Hello"),
        ("Ann <ann@example.com>", "Hello"),
        ("ann", "Hello"),
        ("", "Hello"),
        ("ann@example.com", "Hello\r\nBcc: eve@evil.example"),
        ("ann@example.com", "Hello\nReply-To: eve@evil.example"),
        ("ann@example.com", "Hello\u2028Bcc: eve@evil.example"),
        ("ann@example.com", "Hello\x00"),
    ],
)
def test_u9_a_letter_has_no_header_but_its_own(to: str, subject: str) -> None:
    with pytest.raises(BadLetter):
        Letter(to, subject, "text")


def test_what_the_text_says_is_text(tmp_path: Path, clock: FakeClock, rng: Rng) -> None:
    outbox = FileOutbox(tmp_path, clock, rng)

    outbox.send(Letter("ann@example.com", "Grüße", "Bcc: eve@evil.example\n\n.\nRCPT TO: <eve>\n"))

    (path,) = tmp_path.iterdir()
    found = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert found["Bcc"] is None
    assert found["To"] == "ann@example.com"
    assert found["Subject"] == "Grüße"
    assert path.stat().st_mode & 0o077 == 0


def test_a_mail_server_elsewhere_is_spoken_to_encrypted() -> None:
    with pytest.raises(Invalid, match="on this machine alone"):
        load(_env_file=None, mail={"host": "smtp.example.com", "security": "none"})

    assert MailSettings(host="localhost", security="none").security == "none"


def test_mail_without_a_server_is_refused_with_a_sentence() -> None:
    settings = Settings(_env_file=None, accounts={"mail": "smtp"})

    with pytest.raises(Invalid, match="needs a mail server"):
        settings.mail.server()
