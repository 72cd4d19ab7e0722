"""`letterpress mailbox`: the letters of a folder, listed and made into pages."""

from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner, Result

from delivery.esp.folder import Folder
from domain.errors import InputError
from letterpress.main import app
from tests.delivery.letters import letter

HARM = "<script>alert(1)</script> [bold]x"


def mime(number: int, subject: str = "Number") -> bytes:
    """A letter with a text and an HTML part."""
    built = EmailMessage(policy=SMTP)
    built["To"] = f"r{number}@example.org"
    built["Subject"] = f"{subject} {number}"
    built.set_content("Grüße as text & <b>not</b> markup")
    built.add_alternative('<p style="color:red">Grüße</p>', subtype="html")
    return bytes(built)


@pytest.fixture
def mailbox(tmp_path: Path) -> Path:
    """Three letters, one with a subject that means harm."""
    folder = Folder(tmp_path / "mailbox")
    list(folder.hand_off([letter(n, mime=mime(n, HARM if n == 2 else "Number")) for n in range(3)]))
    return folder.root


def run(*arguments: object) -> Result:
    """The command's result; its errors are raised."""
    return CliRunner().invoke(app, ["mailbox", *map(str, arguments)], catch_exceptions=False)


def test_letters_are_listed_and_shown(mailbox: Path) -> None:
    """The list and a page per letter are written beside the letters, with nothing of a letter read as markup of ours."""
    seen = orjson.loads(run("--folder", mailbox, "--json").output)
    assert {one["to"] for one in seen["letters"]} == {"r0@example.org", "r1@example.org", "r2@example.org"}
    assert seen["page"] == str(mailbox / "index.html")
    index = (mailbox / "index.html").read_text()
    assert "<script>" not in index
    assert "&lt;script&gt;" in index
    for one in seen["letters"]:
        view = (mailbox / one["view"]).read_text()
        assert 'srcdoc="&lt;p style=&quot;color:red&quot;&gt;Grüße&lt;/p&gt;' in view
        assert "Grüße as text &amp; &lt;b&gt;not&lt;/b&gt; markup" in view
        assert "<script>" not in view


def test_one_letter_is_found_by_address_or_id(mailbox: Path) -> None:
    """An address or the beginning of a message id opens that letter's page."""
    for wanted in ("r1@example.org", letter(1).message_id[:10]):
        seen = orjson.loads(run(wanted, "--folder", mailbox, "--json").output)
        assert [one["message_id"] for one in seen["letters"]] == [letter(1).message_id]
        assert seen["page"] == str(mailbox / "views" / f"{letter(1).message_id}.html")


def test_the_list_can_be_read_at_the_terminal(mailbox: Path) -> None:
    """Text from letters is shown as it is."""
    output = run("--folder", mailbox).output
    assert "[bold]x 2" in output.replace("\n", "")
    assert "index.html" in output


def test_the_folder_is_that_of_the_settings(mailbox: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --folder it is the one letters are handed off into; a relay has none."""
    monkeypatch.setenv("LETTERPRESS_HOME", str(mailbox.parent))
    monkeypatch.setenv("LETTERPRESS_ESP", "folder:mailbox")
    assert len(orjson.loads(run("--json").output)["letters"]) == 3
    monkeypatch.setenv("LETTERPRESS_ESP", "smtp://127.0.0.1:25")
    with pytest.raises(InputError, match="not handed off into a folder"):
        run()


def test_an_empty_folder_is_said_to_be_empty(tmp_path: Path) -> None:
    """No letter, no page."""
    with pytest.raises(InputError, match="no letter yet"):
        run("--folder", tmp_path)
    assert list(tmp_path.iterdir()) == []
