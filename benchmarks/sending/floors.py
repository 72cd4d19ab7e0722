"""Floors: the least that printing and handing off could cost in Python, without our rules, ledger or headers (FACTS §6, §7)."""

import smtplib
from collections.abc import Sequence
from email import message_from_bytes, policy
from pathlib import Path

from markupsafe import escape

from domain.message import Letter
from domain.recipient import Recipient

_EXPRESSIONS = 21  # places in a letter that differ from one recipient to the next, as in FACTS §6


def chunks_of(letter: Letter) -> list[str]:
    """A letter's HTML, cut into constant chunks around as many places as a newsletter has expressions."""
    part = message_from_bytes(letter.mime, policy=policy.default).get_body(("html",))
    html = part.get_content() if part else ""
    step = len(html) // (_EXPRESSIONS + 1) + 1
    return [html[start : start + step] for start in range(0, len(html), step)]


def join_chunks(chunks: Sequence[str], recipients: Sequence[Recipient]) -> int:
    """Join the constant chunks with each recipient's escaped values; returns how many characters that made."""
    made = 0
    for recipient in recipients:
        values = [recipient.recipient_id, recipient.address, *map(str, recipient.attributes.values())]
        pieces = [chunks[0]]
        for number, chunk in enumerate(chunks[1:]):
            pieces += str(escape(values[number % len(values)])), chunk
        made += len("".join(pieces))
    return made


def write_files(letters: Sequence[Letter], folder: Path) -> None:
    """Write the letters' bytes into files of one folder."""
    folder.mkdir(parents=True)
    for letter in letters:
        (folder / letter.message_id).write_bytes(letter.mime)


def submit_one_by_one(letters: Sequence[Letter], host: str, port: int) -> None:
    """Hand the letters to a relay over one connection of the standard library."""
    with smtplib.SMTP(host, port) as line:
        for letter in letters:
            line.sendmail(letter.sender, [letter.address], letter.mime)
