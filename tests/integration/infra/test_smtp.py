"""Letters handed to a mail server that is a process of its own."""

import asyncio
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from control_plane.core.clock import Clock
from control_plane.core.ids import Rng
from control_plane.infra.mail import FileOutbox, Letter
from control_plane.infra.smtp import NoMailServer, Postman, Security, Server
from tests.certificates import certificate
from tests.conftest import wait_until


@asynccontextmanager
async def served(folder: Path, mode: Security) -> AsyncIterator[Server]:
    cert, _ = certificate(folder, "localhost")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.smtp_server", str(folder), str(port), mode)
    )
    await wait_until((folder / "ready").exists, 30, "the mail server")
    known = ("", "") if mode == "none" else ("slipway", "harbour-password")
    yield Server("localhost", port, mode, "slipway@example.com", *known, trusted=cert)
    process.terminate()
    await process.wait()


def post(folder: Path, clock: Clock, rng: Rng) -> FileOutbox:
    return FileOutbox(folder / "outbox", clock, rng)


@pytest.mark.parametrize("mode", ["starttls", "tls", "none"])
async def test_a_letter_arrives_once(
    tmp_path: Path, real_clock: Clock, rng: Rng, mode: Security
) -> None:
    async with served(tmp_path, mode) as server:
        outbox = post(tmp_path, real_clock, rng)
        outbox.send(Letter("ann@example.com", "Confirm your address ✓", "Come in:\n\nproof\n"))
        postman = Postman(outbox.folder, server, real_clock)
        assert [await postman.once(), await postman.once()] == [1, 0]

    (got,) = tmp_path.glob("*.got")
    text = got.read_text()
    assert f"X-Was-Encrypted: {mode != 'none'}" in text
    assert "X-To: ['ann@example.com']" in text
    assert "From: slipway@example.com" in text
    assert "proof" in text
    assert list(outbox.folder.iterdir()) == []


async def test_what_is_refused_for_good_is_put_aside_and_the_rest_goes_on(
    tmp_path: Path, real_clock: Clock, rng: Rng
) -> None:
    async with served(tmp_path, "starttls") as server:
        outbox = post(tmp_path, real_clock, rng)
        for name in ("nobody", "ann", "later"):
            outbox.send(Letter(f"{name}@example.com", "Hello", "text"))
            await real_clock.sleep(0.002)  # their names are moments
        with pytest.raises(NoMailServer, match="451"):
            await Postman(outbox.folder, server, real_clock).once()

    assert len(list(tmp_path.glob("*.got"))) == 1
    assert len(list((outbox.folder / "refused").iterdir())) == 1
    assert len(list(outbox.folder.glob("*.eml"))) == 1


async def test_a_server_that_is_not_who_it_should_be_is_given_nothing(
    tmp_path: Path, real_clock: Clock, rng: Rng
) -> None:
    async with served(tmp_path, "starttls") as server:
        outbox = post(tmp_path, real_clock, rng)
        outbox.send(Letter("ann@example.com", "Hello", "text"))
        for wrong, sentence in (
            (replace(server, trusted=None), "cannot prove its name"),
            (replace(server, host="127.0.0.1"), "cannot prove its name"),
            (replace(server, password="guess"), "does not know us"),
            (replace(server, security="none"), "does not take letters"),
            (replace(server, port=1), "does not take letters"),
        ):
            with pytest.raises(NoMailServer, match=sentence):
                await Postman(outbox.folder, wrong, real_clock).once()

    assert list(tmp_path.glob("*.got")) == []
    assert len(list(outbox.folder.glob("*.eml"))) == 1
