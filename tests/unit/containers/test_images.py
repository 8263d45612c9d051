import io
import tarfile
from pathlib import Path

from control_plane.containers import images
from control_plane.containers.wheels import Python, python_here, tags


def test_the_name_of_an_image_is_that_of_its_sources() -> None:
    name, tag = images.image_name().split(":")

    assert name == "slipway/base-strategy"
    assert len(tag) == 12
    assert images.image_name() == f"{name}:{tag}"


def test_a_digest_follows_content_and_path() -> None:
    dockerfile, lock, *_ = images.STRATEGY.files()

    assert images.digest_of([lock, dockerfile]) == images.digest_of([dockerfile, lock])
    assert images.digest_of([lock]) != images.digest_of([dockerfile])


def test_the_context_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    (tmp_path / "one-1.0-py3-none-any.whl").write_bytes(b"wheel")
    (tmp_path / "notes.txt").write_bytes(b"not a wheel")
    first, second = io.BytesIO(), io.BytesIO()

    images.write_context(first, images.STRATEGY, tmp_path)
    (tmp_path / "one-1.0-py3-none-any.whl").touch()
    images.write_context(second, images.STRATEGY, tmp_path)

    assert first.getvalue() == second.getvalue()
    first.seek(0)
    with tarfile.open(fileobj=first) as tar:
        held = tar.getnames()

    assert "images/base_strategy/Dockerfile" in held
    assert "wheels/one-1.0-py3-none-any.whl" in held
    assert "strategy_runtime/wire/messages.py" in held
    assert not any("notes" in name or "__pycache__" in name for name in held)


def test_wheels_for_the_python_that_fetches_need_no_tags() -> None:
    assert tags(python_here()) == []


def test_wheels_for_another_python_are_asked_for_by_their_tags() -> None:
    asked = tags(Python((3, 99, 1), "x86_64"))

    assert asked[:4] == ["--python-version", "3.99", "--implementation", "cp"]
    assert "--abi=cp399" in asked
    assert "--platform=manylinux_2_28_x86_64" in asked
