"""A campaign's folder: which files it is made of, read once. What they say is understood elsewhere."""

import re
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path, PurePosixPath

from delivery.file_models import NAME
from domain.errors import InputError, InvalidInput, Mistake

CAMPAIGN, LETTER = "campaign.yaml", "letter.mjml"


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file. `name` is its path within the folder, `file` how messages call it; `text` has plain newlines and no byte order mark."""

    name: PurePosixPath
    file: str
    raw: bytes
    text: str


@dataclass(frozen=True, slots=True)
class CampaignFolder:
    """All source files of a campaign, in the order of their names. Names that begin with `.` or `_` are drafts and not read."""

    campaign: str
    file: str
    files: tuple[SourceFile, ...]

    def find(self, name: str) -> SourceFile | None:
        """A file, if it is there."""
        return next((f for f in self.files if str(f.name) == name), None)

    def file_named(self, name: str) -> SourceFile:
        """A file that has to be there. Raises InvalidInput if it is missing; reading the folder has made sure of campaign.yaml."""
        if found := self.find(name):
            return found
        raise InvalidInput([Mistake(f"{name} is missing", self.file)])

    def in_folders(self) -> tuple[SourceFile, ...]:
        """The files that stand in subfolders: variants."""
        return tuple(f for f in self.files if len(f.name.parts) > 1)

    def digest(self, *extra: str) -> str:
        """128-bit hash over every source byte (names and contents) and the extra texts, as 32 hex digits."""
        hashed = blake2b(digest_size=16)
        for part in (*(part for f in self.files for part in (str(f.name).encode(), f.raw)), *(text.encode() for text in extra)):
            hashed.update(len(part).to_bytes(8, "big") + part)
        return hashed.hexdigest()


def read_folder(folder: Path) -> CampaignFolder:
    """Read a campaign's folder. Raises InputError when it is none, InvalidInput for files that cannot be read as text."""
    if not folder.is_dir():
        raise InputError("there is no such campaign folder", where=str(folder), hint="`letterpress init` makes one to begin from")
    if not (folder / CAMPAIGN).is_file():  # without it nobody knows whether a letter is needed, and nearly always one is
        there = [name for name in (CAMPAIGN, LETTER) if not (folder / name).is_file()]
        raise InvalidInput([Mistake(f"{name} is missing", str(folder)) for name in there])
    if not re.fullmatch(NAME, name := folder.resolve().name):
        raise InputError(f"{name!r} cannot name a campaign", where=str(folder), hint="lower-case letters, digits, - and _")
    found = [_read(path, folder) for path in sorted(_sources(folder))]
    if mistakes := [f for f in found if isinstance(f, Mistake)]:
        raise InvalidInput(mistakes)
    return CampaignFolder(name, str(folder), tuple(f for f in found if isinstance(f, SourceFile)))


def _sources(folder: Path) -> list[Path]:
    """campaign.yaml, letter.mjml if there is one, and everything in subfolders but drafts."""
    below = (path for path in folder.glob("*/**/*") if path.is_file())
    return [folder / name for name in (CAMPAIGN, LETTER) if (folder / name).is_file()] + [
        p for p in below if not _draft(p.relative_to(folder))
    ]


def _draft(name: Path) -> bool:
    return any(part.startswith((".", "_")) for part in name.parts) or name.suffix == ".md"


def _read(path: Path, folder: Path) -> SourceFile | Mistake:
    raw = path.read_bytes()
    try:
        text = raw.decode("utf-8-sig").replace("\r\n", "\n").replace("\r", "\n")
    except UnicodeDecodeError as error:
        return Mistake("not UTF-8 text", str(path), raw[: error.start].count(b"\n") + 1, "save it with the encoding UTF-8")
    if control := next((i for i, c in enumerate(text) if c < " " and c not in "\n\t"), None):
        return Mistake("holds a control character", str(path), text[:control].count("\n") + 1, "delete it")
    return SourceFile(PurePosixPath(*path.relative_to(folder).parts), str(path), raw, text)
