"""Reading a campaign's folder."""

from pathlib import Path

import pytest

from delivery.campaign_folder import read_folder
from domain.errors import InputError, InvalidInput
from tests.delivery.campaigns import with_file, write


def test_the_folder_is_all_its_sources_by_name(tmp_path: Path) -> None:
    """Drafts, hidden files and notes are left out."""
    folder = write(tmp_path, hero___draft_DOT_mjml="x", README_DOT_md="x")
    (folder / "_ideas").mkdir()
    (folder / "_ideas" / "x.mjml").write_text("x")
    names = [str(file.name) for file in read_folder(folder).files]
    assert names == [*sorted(names)]
    assert not [name for name in names if "draft" in name or "README" in name or "ideas" in name]


def test_the_digest_changes_with_every_byte_and_name(tmp_path: Path) -> None:
    """One byte, one name, or where one file ends and the next begins: each makes another content version."""
    digests = {
        read_folder(folder).digest()
        for folder in (
            write(tmp_path / "a"),
            with_file(tmp_path / "b", "story/three.mjml", "---\ncategory: news\n---\nx"),
            with_file(tmp_path / "c", "story/four.mjml", "x"),
        )
    }
    assert len(digests) == 3
    assert read_folder(write(tmp_path / "d")).digest() == read_folder(tmp_path / "a" / "news").digest()


def test_the_place_of_the_folder_does_not_matter(tmp_path: Path) -> None:
    """The same campaign elsewhere is the same content."""
    assert read_folder(write(tmp_path / "a")).digest("x") == read_folder(write(tmp_path / "b" / "c")).digest("x")


def test_windows_newlines_and_marks_are_read(tmp_path: Path) -> None:
    """A byte order mark and CRLF do not reach the text."""
    folder = write(tmp_path)
    (folder / "hero" / "first.mjml").write_bytes(b"\xef\xbb\xbfa\r\nb")
    assert read_folder(folder).file_named("hero/first.mjml").text == "a\nb"


@pytest.mark.parametrize(("raw", "what"), [(b"a\nb\xff", ":2: not UTF-8 text"), (b"a\n\nb\x00", ":3: holds a control character")])
def test_what_is_no_text_is_a_mistake_with_its_line(tmp_path: Path, raw: bytes, what: str) -> None:
    """Undecodable bytes and control characters are pointed at."""
    folder = write(tmp_path)
    (folder / "hero" / "first.mjml").write_bytes(raw)
    with pytest.raises(InvalidInput, match=what):
        read_folder(folder)


def test_missing_files_are_all_named(tmp_path: Path) -> None:
    """A folder without campaign.yaml and letter.mjml says so of both."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(InvalidInput) as caught:
        read_folder(tmp_path / "empty")
    assert [m.what for m in caught.value.mistakes] == ["campaign.yaml is missing", "letter.mjml is missing"]


def test_no_folder_and_no_name_are_refused(tmp_path: Path) -> None:
    """A folder that is not there, or whose name could not stand in an id."""
    with pytest.raises(InputError, match="no such campaign folder"):
        read_folder(tmp_path / "nowhere")
    folder = write(tmp_path)
    with pytest.raises(InputError, match="cannot name a campaign"):
        read_folder(folder.rename(tmp_path / "My News"))
