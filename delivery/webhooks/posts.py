"""What a post is, and what can be said of its authenticity."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qsl

from domain.event import Heard


@dataclass(frozen=True, slots=True)
class RawPost:
    """A POST as it came. Names of headers in lower case. `url`: the address that the ESP was told to post to."""

    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    url: str = ""

    @property
    def is_form(self) -> bool:
        """Sent as a form says, or begins as no JSON does."""
        kind = self.headers.get("content-type", "").partition(";")[0].strip().lower()
        return kind == "application/x-www-form-urlencoded" and self.body.lstrip()[:1] not in (b"{", b"[")

    def form(self) -> dict[str, str]:
        """The fields of a form; of a name that comes twice the last."""
        try:
            return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS))
        except ValueError:
            return {}


MOST_FIELDS = 1_000
MANY = 8_000_000  # bytes, for those who post batches: SendGrid up to 768 kB, SparkPost some thousand events
ONE = 1_000_000  # for those of one event each that have to be read before they can be verified: SNS posts up to 256 kB, escaped once


@dataclass(frozen=True, slots=True)
class Secrets:
    """What an account's posts are verified by: every one of `texts` is valid, so that they can be changed without losing a post.

    `certificates`: those fetched so far, PEM by URL; only Amazon SNS names any.
    """

    texts: Sequence[str] = field(repr=False)
    certificates: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Verified:
    """It is theirs. `token`: good for one thing only, which `about` names; a second post with it about another is a forgery."""

    token: str | None = None
    about: str | None = None


@dataclass(frozen=True, slots=True)
class Forged:
    """It is not, or too old, or nobody can tell. `reason` says why without repeating what was given."""

    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """It cannot be told before the certificate at this URL, which is one of Amazon's, has been fetched."""

    url: str


Verdict = Verified | Forged | Wanted
Verify = Callable[[RawPost, Secrets, datetime], Verdict]
Understand = Callable[[RawPost], Iterable[Heard]]
"""One by one: a post may hold thousands of events."""


@dataclass(frozen=True, slots=True)
class Provider:
    """An ESP, as the receiver of its posts knows it. `secret`: what an account's secret is, for who sets one up.

    `signs`: the body is what is verified; otherwise the headers alone are. `most`: bytes that a post of theirs may have.
    """

    name: str
    secret: str
    verify: Verify
    understand: Understand
    signs: bool = True
    most: int = MANY
