"""What a browser brings back to `slipway login --google`, over a real loopback socket."""

import threading
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen

import pytest

from control_plane.cli.browser import NobodyCame, claimed
from control_plane.sessions.models.openid import challenge

CLAIM = "c" * 43


def test_the_browser_comes_back_with_what_only_this_process_can_use() -> None:
    asked: list[str] = []
    answers: list[object] = []

    def browse(address: str) -> None:
        asked.append(address)
        port = parse_qs(urlsplit(address).query)["port"][0]

        def come_back() -> None:
            for path in ("/favicon.ico", "/?claim=short", f"/?claim={CLAIM}"):
                try:
                    with urlopen(f"http://127.0.0.1:{port}{path}") as answer:
                        answers.append(answer.status)
                except OSError as error:
                    answers.append(getattr(error, "code", None))

        threading.Thread(target=come_back, daemon=True).start()

    claim, verifier = claimed("https://slipway.example", lambda _text: None, browse)

    query = parse_qs(urlsplit(asked[0]).query)
    assert asked[0].startswith("https://slipway.example/api/v1/sign-in/google?")
    assert (claim, query["challenge"]) == (CLAIM, [challenge(verifier)])
    assert verifier not in asked[0]
    assert answers[:2] == [404, 404]


def test_a_browser_that_never_comes_back_is_not_waited_for() -> None:
    with pytest.raises(NobodyCame):
        claimed("https://slipway.example", lambda _text: None, lambda _address: None, 0.05)
