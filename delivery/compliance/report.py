"""What the check of a send finds: findings by check, each with its level, and whether they stop the send."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Level(StrEnum):
    """How much a finding weighs. UNCHECKED is neither good nor bad: nobody could look, or there is nothing to look at."""

    PASS = "pass"  # noqa: S105 - not a password
    WARN = "warn"
    STOP = "stop"
    UNCHECKED = "unchecked"


class CheckId(StrEnum):
    """The checks, by the names that `--accept` takes."""

    FROM_DOMAIN = "from_domain"
    REPLY_TO = "reply_to"
    SPF = "spf"
    DKIM = "dkim"
    DMARC = "dmarc"
    ALIGNMENT = "alignment"
    PUBLIC_URL = "public_url"
    HEADERS = "headers"
    HEADER_LINES = "header_lines"
    ONE_CLICK = "one_click_unsubscribe"
    UNSUBSCRIBE_LINK = "unsubscribe_link"
    POSTAL_ADDRESS = "postal_address"
    PLAIN_TEXT = "plain_text"
    SUBJECT = "subject"
    PREHEADER = "preheader"
    HTML_SIZE = "html_size"
    HTTP_LINKS = "http_links"
    LINK_HOSTS = "link_hosts"
    MERGE_TAGS = "merge_tags"
    GREETING = "greeting"
    IMAGE_ALT = "image_alt"
    IMAGE_ONLY = "image_only"
    ACTIVE_CONTENT = "active_content"
    PRINTABLE = "printable"


@dataclass(frozen=True, slots=True)
class Place:
    """Where something was written: file as messages call it, and line (1, 2, …) where one is known."""

    file: str
    line: int | None = None

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `found` and `hint` hold nothing of recipients."""

    check: CheckId
    level: Level
    found: str
    place: Place | None = None
    hint: str | None = None

    @property
    def where(self) -> str | None:
        """file:line, where there is one."""
        return str(self.place) if self.place else None


@dataclass(frozen=True, slots=True)
class Report:
    """All findings, at least one of every check. `letters`: how many sample letters they rest on."""

    campaign: str
    letters: int
    findings: tuple[Finding, ...]

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The findings that stop the send unless somebody takes them upon himself."""
        return tuple(one for one in self.findings if one.level is Level.STOP)

    @property
    def counts(self) -> Mapping[Level, int]:
        """How many findings of each level there are."""
        found = Counter(one.level for one in self.findings)
        return {level: found[level] for level in Level}
