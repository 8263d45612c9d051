import io
import json

import pytest
from loguru import logger

from control_plane.infra import logging


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


def test_a_line_is_one_json_object_with_its_fields(stream: io.StringIO) -> None:
    logging.configure("INFO", stream=stream, as_json=True)
    logger.info("order_sent", account="ac1", attempt=2)

    line = json.loads(stream.getvalue())
    assert (line["event"], line["account"], line["attempt"]) == ("order_sent", "ac1", 2)


@pytest.mark.parametrize("as_json", [True, False])
def test_a_known_secret_never_shows(stream: io.StringIO, as_json: bool) -> None:
    logging.configure("INFO", stream=stream, as_json=as_json)
    logging.hide("correct-horse-battery")
    try:
        raise ValueError("password correct-horse-battery refused")
    except ValueError as error:
        logger.opt(exception=error).error("sign_in_failed", url="redis://u:correct-horse-battery@h")

    assert "sign_in_failed" in stream.getvalue()
    assert "correct-horse" not in stream.getvalue()


def test_the_values_of_locals_are_not_printed(stream: io.StringIO) -> None:
    logging.configure("INFO", stream=stream, as_json=False)
    key = "-".join(("not", "registered", "secret"))
    try:
        raise ValueError(len(key))
    except ValueError as error:
        logger.opt(exception=error).error("broken")
    assert "not-registered-secret" not in stream.getvalue()
