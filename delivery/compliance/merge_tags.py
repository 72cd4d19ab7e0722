"""Merge tags that nobody filled in: those of other systems, which the letter was copied from, and values that hold some."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from html import escape

from delivery.compliance.inspection import Inspection, Sample
from delivery.compliance.report import CheckId, Finding, Level, Place
from delivery.tokens import JINJA

_WHO = r"(?:first|last|full|given|sur|family|user)?[ _-]?name|e-?mail(?:[ _-]?address)?|fname|lname|company|customer|salutation"


@dataclass(frozen=True, slots=True)
class Tag:
    """How a system writes its merge tags. Patterns ask for what no sentence has: prices, hyphens and brackets of prose do not match."""

    example: str
    pattern: re.Pattern[str]
    level: Level = Level.STOP


TAGS: tuple[Tag, ...] = (
    Tag("{{ name }}", re.compile(r"\{\{[^{}]{0,200}\}\}")),
    Tag("{% if %}", re.compile(r"\{%[^{}]{0,200}%\}")),
    Tag("*|FNAME|*", re.compile(r"\*\|[A-Z][A-Z0-9_:.\s-]{0,60}\|\*", re.IGNORECASE)),
    Tag("%recipient.name%", re.compile(r"%(?:recipient|unsubscribe|mailing_list|tag_unsubscribe)[\w.]{0,60}%", re.IGNORECASE)),
    Tag("%%name%%", re.compile(r"%%[A-Za-z_][\w .-]{0,60}%%")),
    Tag("%FIRST_NAME%", re.compile(r"(?<![\w%])%[A-Z][A-Z0-9_]{2,60}%(?![\w%])")),
    Tag("[[first_name]]", re.compile(r"\[\[\s*[A-Za-z_][\w.:|-]{0,60}\s*\]\]")),
    Tag("[name,fallback=]", re.compile(r"\[[A-Za-z_]\w{0,60},\s*fallback=[^\]]{0,60}\]", re.IGNORECASE)),
    Tag("-first_name-", re.compile(rf"(?<![\w-])-(?:{_WHO}|[a-z]+(?:_[a-z]+)+)-(?![\w-])", re.IGNORECASE)),
    Tag("${name}", re.compile(r"\$\{[A-Za-z_][\w.]{0,60}\}")),
    Tag("<%= name %>", re.compile(r"<%=?[^<>]{1,100}%>")),
    Tag("##name##", re.compile(r"##[A-Za-z_]\w{0,60}##")),
    Tag("{first_name}", re.compile(rf"(?<![\w{{$%])\{{(?:{_WHO})\}}(?!\}})", re.IGNORECASE), Level.WARN),
    Tag("[FIRST_NAME]", re.compile(rf"(?<![\w\[])\[(?:{_WHO})\](?![\](])", re.IGNORECASE), Level.WARN),
)

_GREETING = (
    r"(?:hi|hello|hey|dear|good (?:morning|afternoon|evening|day)|hallo|liebe[rs]?|guten (?:tag|morgen)|bonjour|cher|chère|hola|ciao)"
)
_EMPTY_NAME = re.compile(rf"(?<!\w){_GREETING}(?:[ \t\u00a0]+,|[ \t\u00a0]+(?:none|null|nan|undefined|n/a)\b)", re.IGNORECASE)
_RAW = re.compile(r"\{%[-+]?\s*raw\b")
_LINK = re.compile(r"https?://\S+")


def merge_tags(seen: Inspection) -> Iterator[Finding]:
    """No merge tag is left in what readers see. What the campaign's files say is a STOP, for the clear ones; what comes from recipients'
    values is a WARN that names the column, since it is some letters and not the content."""
    found: Counter[tuple[int, str]] = Counter()
    for sample in seen.samples:
        found.update({(number, text) for number, tag in enumerate(TAGS) for text in tag.pattern.findall(_visible(sample))})
    from_values: Counter[str] = Counter()
    for (number, text), count in found.items():
        if place := _written(text, seen):
            what = f"readers would see {text} ({seen.share(count)})"
            hint = "write it as {{ recipient.first_name }}, or whatever the column is called"
            yield Finding(CheckId.MERGE_TAGS, TAGS[number].level, what, place, hint)
        else:
            from_values.update(_columns_holding(text, seen))
    for column, count in sorted(from_values.items()):
        what = f"values of the column {column} hold what looks like a merge tag ({count} in {len(seen.samples)} sample letters)"
        yield Finding(CheckId.MERGE_TAGS, Level.WARN, what, None, "import the column again")


def greeting(seen: Inspection) -> Iterator[Finding]:
    """Nobody is greeted as nobody: `Hello ,` or `Dear None`, where a name was empty. WARN."""
    what = "readers would be greeted without a name, as in `Hello ,`"
    hint = 'write {% if recipient.first_name %}, or {{ recipient.first_name | default("reader", true) }}'
    empty = seen.in_samples(CheckId.GREETING, Level.WARN, what, lambda sample: _EMPTY_NAME.search(_visible(sample)) is not None, hint)
    yield from (replace(finding, place=seen.place_of("recipient.first_name", "recipient.name")) for finding in empty)


def _visible(sample: Sample) -> str:
    """What the reader gets to see in words: subject, preview line, text and HTML."""
    return "\n".join((sample.parts.subject, sample.page.preview, _LINK.sub("", sample.parts.text), sample.page.text))


def _written(text: str, seen: Inspection) -> Place | None:
    """Where the campaign's files say this themselves: outside of Jinja, or in what Jinja is told to leave alone ({% raw %})."""
    literal = {file: JINJA.sub(_blanked, source) for file, source in seen.sources.items()}
    return replace(seen, sources=literal).place_of(text, escape(text, quote=False), escape(text))


def _blanked(tag: re.Match[str]) -> str:
    return tag[0] if _RAW.match(tag[0]) else "\n" * tag[0].count("\n")


def _columns_holding(text: str, seen: Inspection) -> Mapping[str, int]:
    """Which columns of the sample's recipients hold the text, and in how many letters."""
    columns = (
        (name for name, value in sample.recipient.attributes.items() if isinstance(value, str) and text.strip() in value)
        for sample in seen.samples
    )
    return Counter(name for names in columns for name in names) or {"of some recipients": 1}
