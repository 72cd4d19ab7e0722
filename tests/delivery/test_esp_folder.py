"""Hand-off into a folder: whole letters, once, and exact evidence."""

import os
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.answers import Accepted, Cause, Rejected, Retry
from delivery.esp import build_esp
from delivery.esp.folder import Folder
from delivery.esp.folder_layout import letters as lying_in
from delivery.esp.folder_layout import newest, path_of, read
from domain.errors import UnavailableError
from domain.message import Letter
from tests.delivery.letters import letter, letters


def put(folder: Folder, given: Sequence[Letter]) -> list[type]:
    """The kinds of the folder's answers."""
    return [type(answer) for answer in folder.hand_off(given)]


@given(st.binary(max_size=200))
def test_a_letter_lies_there_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, mime: bytes) -> None:
    """The file under the message's id holds the letter's exact bytes."""
    folder = Folder(tmp_path_factory.mktemp("mailbox"))
    assert put(folder, [letter(1, mime=mime)]) == [Accepted]
    assert path_of(folder.root, letter(1).message_id).read_bytes() == mime


@pytest.mark.parametrize("fsync", ["yes", "no"])
def test_nothing_but_letters_is_left(tmp_path: Path, fsync: str) -> None:
    """One file per message, spread over sub-folders, and no unfinished ones."""
    folder = build_esp(f"folder:mailbox?fsync={fsync}", home=tmp_path)
    folder.check()
    assert all(isinstance(answer, Accepted) for answer in folder.hand_off(list(letters(100))))
    files = [path for path in (tmp_path / "mailbox").rglob("*") if path.is_file()]
    assert sorted(path.stem for path in files) == sorted(one.message_id for one in letters(100))
    assert {path.parent.name for path in files} == {one.message_id[:2] for one in letters(100)}


def test_handing_off_again_changes_nothing(tmp_path: Path) -> None:
    """The same letter is accepted again without being written; another letter under its id is rejected."""
    folder = Folder(tmp_path)
    put(folder, [letter(1)])
    before = path_of(tmp_path, letter(1).message_id).stat()
    assert put(folder, [letter(1), letter(1, mime=b"Subject: other\r\n\r\n")]) == [Accepted, Rejected]
    after = path_of(tmp_path, letter(1).message_id).stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)
    assert path_of(tmp_path, letter(1).message_id).read_bytes() == letter(1).mime


def test_evidence_is_exact(tmp_path: Path) -> None:
    """What lies there was handed off; what does not, was not; what a dead run was writing is cleared away."""
    folder = Folder(tmp_path)
    put(folder, [letter(1)])
    unfinished = path_of(tmp_path, letter(2).message_id).with_name(f".{letter(2).message_id}.eml.123-456")
    unfinished.parent.mkdir(exist_ok=True)
    unfinished.write_text("half a lett")
    there, missing = folder.evidence([letter(1).message_id, letter(2).message_id])
    assert there == Accepted(letter(1).message_id)
    assert isinstance(missing, Retry)
    assert not unfinished.exists()


def test_a_folder_that_cannot_be_is_refused_up_front(tmp_path: Path) -> None:
    """A file where the folder should be: check says so, and letters are given back as unreachable."""
    (tmp_path / "mailbox").write_text("in the way")
    folder = Folder(tmp_path / "mailbox")
    with pytest.raises(UnavailableError, match="cannot be written to"):
        folder.check()
    (answer,) = folder.hand_off([letter(1)])
    assert isinstance(answer, Retry)
    assert answer.cause is Cause.UNREACHABLE


def test_the_newest_letters_come_first_and_can_be_read(tmp_path: Path) -> None:
    """A mailbox is listed by age, and a letter parses as mail."""
    folder = Folder(tmp_path)
    put(folder, list(letters(5)))
    for age, one in enumerate(letters(5)):
        os.utime(path_of(tmp_path, one.message_id), (1_000_000 - age, 1_000_000 - age))
    assert [path.stem for path in newest(tmp_path, 2)] == [letter(0).message_id, letter(1).message_id]
    assert read(path_of(tmp_path, letter(3).message_id))["Subject"] == "Number 3"
    assert len(list(lying_in(tmp_path))) == 5
