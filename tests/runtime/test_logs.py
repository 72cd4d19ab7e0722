"""Logs say what happened and where, and nothing that an exception may have read."""

import json
import logging
from collections.abc import Iterator

import pytest

from domain.errors import InputError
from runtime.logs import set_up_logs


@pytest.fixture(autouse=True)
def _logging_as_before() -> Iterator[None]:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    yield
    root.handlers[:], level = before
    root.setLevel(level)


def _fail() -> None:
    try:
        raise ValueError("INSERT … ann@example.org")
    except ValueError:
        logging.getLogger("web.app").exception("%d events were not stored", 3)


def test_json_lines_name_the_exception_and_not_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """One object per line, with type and places."""
    set_up_logs("json")
    _fail()
    said = json.loads(capsys.readouterr().err)
    assert (said["level"], said["logger"], said["message"], said["exception"]) == (
        "error",
        "web.app",
        "3 events were not stored",
        "ValueError",
    )
    assert said["places"][-1].endswith("_fail") and "ann@" not in json.dumps(said)


def test_text_lines_do_so_too(capsys: pytest.CaptureFixture[str]) -> None:
    """For people, on several lines."""
    set_up_logs("text")
    _fail()
    said = capsys.readouterr().err
    assert "ERROR web.app: 3 events were not stored\nValueError\n  at " in said and "ann@" not in said


def test_an_unknown_format_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(InputError, match="text, json"):
        set_up_logs("xml")
