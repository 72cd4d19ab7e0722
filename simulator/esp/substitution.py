"""What providers put in the place of placeholders, each by its own rules.

Where a provider does not document what becomes of a value that itself looks like a placeholder, the harsher reading is taken:
it is substituted again, and the message carries a note. A sender who is safe here is safe either way.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from urllib.parse import quote

from simulator.esp.contents import Printed, Whole

Values = Mapping[str, object]
_AGAIN = "a value holds a placeholder"
_SHARED = 256  # templates whose cuts are kept

# SparkPost, "Template Language", section HTML Escaping: its example turns / into &#x2F;, as the older Mustache set does.
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;", "/": "&#x2F;"}
_MUSTACHE = re.compile(r"\{\{\{(?P<plain>.*?)\}\}\}|\{\{(?P<kept>.*?)\}\}", re.DOTALL)
_DIRECTIVES = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PATH = re.compile(r"[A-Za-z_][\w-]*(\.[\w-]+)*$")
_DEFAULT = re.compile(r"(?P<path>[\w.]+)\s+or\s+(?P<quote>['\"])(?P<text>.*)(?P=quote)$", re.DOTALL)
_LINK = re.compile(r"https?://[^\s\"'<>]*$")
_LONGEST_LINK = 2_048  # characters that are looked back on
_BRACES = {
    f"{side}_{count}_curly()": brace * number
    for side, brace in (("opening", "{"), ("closing", "}"))
    for number, count in enumerate(("single", "double", "triple"), start=1)
}
# Postponed: what a template language offers beyond putting values in.
_STATEMENTS = re.compile(r"(#|/|\^|>|!|&|if\b|else|elseif|end\b|each\b|render_|dynamic_|loop_)")


class Unrenderable(Exception):  # noqa: N818 - a fate of the message, not a fault of ours
    """The template cannot be rendered with these values."""


def exact(template: Whole, values: Values) -> Printed:
    """SendGrid, "Substitution Tags": each tag is a plain string, replaced in subject and content with no escaping, one after the other."""
    tags, told = tuple(values), [str(value) for value in values.values()]
    edges = {edge for tag in tags if tag for edge in (tag[0], tag[-1])}
    if any(edge in value for value in told for edge in edges):
        pieces = [_one_by_one(piece, values) for piece in (template.subject, template.html, template.text)]
    else:  # no value can be part of a tag: the template is cut once for all who share it
        pieces = [piece and _filled(_cut(piece, tags), told) for piece in (template.subject, template.html, template.text)]
    notes = (_AGAIN,) if any(tag in value for tag in tags for value in told) else ()
    return Printed(pieces[0] or "", pieces[1], pieces[2], template.headers, notes=notes)


def _one_by_one(piece: str | None, values: Values) -> str | None:
    for tag, value in values.items() if piece else ():
        piece = (piece or "").replace(tag, str(value))
    return piece


@lru_cache(_SHARED)
def _cut(piece: str, tags: tuple[str, ...]) -> tuple[str | int, ...]:
    """The piece as constant texts, and the numbers of the tags between them."""
    parts: list[str | int] = [piece]
    for number, tag in enumerate(tags):
        parts = [cut for part in parts for cut in (_split(part, tag, number) if isinstance(part, str) else (part,))]
    return tuple(parts)


def _split(text: str, tag: str, number: int) -> Iterator[str | int]:
    for place, part in enumerate(text.split(tag) if tag else [text]):
        if place:
            yield number
        yield part


def _filled(parts: Sequence[str | int], told: Sequence[str]) -> str:
    return "".join([part if isinstance(part, str) else told[part] for part in parts])


_PERCENT = re.compile(r"%recipient\.([^%\s]+)%")


def percent(template: Whole, values: Values) -> Printed:
    """Mailgun, "Batch Sending": %recipient.name% anywhere, header values too; not escaped (mailgun.js issue 308); unknown names stay."""
    again = any("%recipient" in str(value) for value in values.values())

    def filled(piece: str) -> str:
        for _ in range(2 if again else 1):  # undocumented whether values are looked through again: they are, here
            piece = _PERCENT.sub(lambda found: str(values.get(found[1], found[0])), piece)
        return piece

    return _each(template, filled, (_AGAIN,) if again else ())


def handlebars(template: Whole, values: Values) -> Printed:
    """SES, "Advanced email personalization": {{name}} and {{a.b}}, not escaped in HTML; a name without a value is a rendering failure."""

    def filled(piece: str) -> str:
        return _mustache(piece, lambda inner, _before, _plain: _handlebar(inner, values))

    return _each(template, filled)


def _handlebar(inner: str, values: Values) -> str:
    found = _at(values, inner.strip()) if _PATH.match(inner.strip()) else None
    if found is None:
        raise Unrenderable(f"attribute {inner.strip()!r} is not present in the rendering data")
    return _shown(found)


def sparkpost(template: Whole, values: Values) -> Printed:
    """SparkPost, "Template Language": {{name}} is escaped in HTML, percent-encoded in links, {{{name}}} neither; missing is empty."""

    def in_text(inner: str, before: str, plain: bool) -> str:
        return _spark(inner, values, _link_or(before, _shown) if not plain else _shown)

    def in_html(inner: str, before: str, plain: bool) -> str:
        return _spark(inner, values, _link_or(before, _escaped) if not plain else _shown)

    def in_header(inner: str, _before: str, _plain: bool) -> str:
        return _spark(inner, values, _shown)

    headers = {name: _mustache(value, in_header) for name, value in template.headers.items()}
    html = None if template.html is None else _mustache(template.html, in_html)
    text = None if template.text is None else _mustache(template.text, in_text)
    return Printed(_mustache(template.subject, in_header), html, text, headers)


def sparkpost_headers(template: Whole, values: Values) -> Printed:
    """With `perform_substitutions` off: headers alone are read, which that option does not stop."""
    done = sparkpost(Whole(template.subject, None, None, template.headers), values)
    return Printed(done.subject, template.html, template.text, done.headers)


def sparkpost_fault(template: Whole) -> str | None:
    """What of a template SparkPost, or the simulator, cannot read."""
    try:
        for piece in (template.subject, template.html, template.text, *template.headers.values()):
            for _, inner, _ in _expressions(piece) if piece else ():
                if inner is not None:
                    _spark(inner, {}, _shown)
    except Unrenderable as error:
        return str(error)
    return None


def _spark(inner: str, values: Values, shown: Callable[[object], str]) -> str:
    inner = inner.strip()
    if inner in _BRACES:
        return _BRACES[inner]
    default = _DEFAULT.match(inner)
    path = default["path"] if default else inner
    if _STATEMENTS.match(inner) or not _PATH.match(path):
        raise Unrenderable(f"the simulator knows no {{{{{inner}}}}}")
    found = _at(values, path)
    if found is None:
        return default["text"] if default else ""
    return shown(found)


def _link_or(before: str, otherwise: Callable[[object], str]) -> Callable[[object], str]:
    """How a value is shown here: percent-encoded where a link that began in the template is still going on."""
    return (lambda value: quote(_shown(value), safe="")) if _LINK.search(before) else otherwise


def _escaped(value: object) -> str:
    return "".join(_ESCAPES.get(character, character) for character in _shown(value))


def _mustache(piece: str, filled: Callable[[str, str, bool], str]) -> str:
    """The piece with each expression replaced by what `filled` makes of it, of the text before it, and of its braces."""
    done: list[str] = []
    for text, inner, plain in _expressions(piece):
        done.append(text)
        if inner is not None:
            done.append(filled(inner, "".join(part[-_LONGEST_LINK:] for part in done[-9:]), plain))
    return "".join(done)


@lru_cache(_SHARED)
def _expressions(piece: str) -> tuple[tuple[str, str | None, bool], ...]:
    """Texts, each with the expression after it, and whether that has three braces; None after the last."""
    found: list[tuple[str, str | None, bool]] = []
    end = 0
    for match in _MUSTACHE.finditer(piece):
        plain = match["plain"] is not None
        found.append((piece[end : match.start()], match["plain"] if plain else match["kept"], plain))
        end = match.end()
    return (*found, (piece[end:], None, False))


def unrenderable(template: Whole, values: Values) -> str | None:
    """Why SES cannot render a template with these values; found by its names alone, without printing it."""
    names = {inner for piece in (template.subject, template.html, template.text) if piece for _, inner, _ in _expressions(piece)}
    try:
        for name in names:
            if name is not None:
                _handlebar(name, values)
    except Unrenderable as error:
        return f"rendering failure: {error}"
    return None


def _each(template: Whole, filled: Callable[[str], str], notes: Sequence[str] = (), *, headers: bool = True) -> Printed:
    own = {name: filled(value) for name, value in template.headers.items()} if headers else template.headers
    html = None if template.html is None else filled(template.html)
    text = None if template.text is None else filled(template.text)
    return Printed(filled(template.subject), html, text, own, notes=tuple(notes))


def _at(values: Values, path: str) -> object:
    found: object = values
    for step in path.split("."):
        found = found.get(step) if isinstance(found, Mapping) else None
    return found


def _shown(value: object) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value).lower()
    return str(value)


def brevo(template: Whole, values: Values) -> Printed:
    """Brevo, "Batch send": {{params.name}} in subject and content, not escaped; a name without a value is empty.

    Its template language reads everything it is given, with params or without. What it would do is not simulated: {% %} and {# #}
    are gone, so that a letter which should have kept them is seen to be another.
    """

    def filled(piece: str) -> str:
        return _mustache(_DIRECTIVES.sub("", piece), lambda inner, _before, _plain: _shown(_at({"params": values}, inner.strip())))

    return _each(template, filled, headers=False)
