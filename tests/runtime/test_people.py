"""Who did it."""

import getpass

import pytest

from domain.errors import InputError
from runtime.people import who


def test_the_option_goes_before_the_variable_before_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    """`--by`, else LETTERPRESS_BY, else whoever is logged in."""
    monkeypatch.setenv("LETTERPRESS_BY", " Grace ")
    assert (who("Ada Lovelace"), who()) == ("Ada Lovelace", "Grace")
    monkeypatch.setenv("LETTERPRESS_BY", "")
    assert who() == getpass.getuser()


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_is_one_line(name: str) -> None:
    """What could forge another line of the trail, or is no name, is refused."""
    with pytest.raises(InputError):
        who(name)


def test_a_user_without_a_name_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container that runs under a bare number."""
    for name in ("LETTERPRESS_BY", "LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("os.getuid", lambda: 987_654)
    assert who() == "unknown"
