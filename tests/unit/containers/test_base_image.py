import pytest
from docker.errors import DockerException

from control_plane.containers.base_image import missing


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("('Connection aborted.', PermissionError(13, 'Permission denied'))", "group"),
        ("('Connection aborted.', FileNotFoundError(2, 'No such file'))", "Start one"),
    ],
)
def test_what_to_do_depends_on_why_no_engine_answers(said: str, remedy: str) -> None:
    assert remedy in str(missing(DockerException(said)))
