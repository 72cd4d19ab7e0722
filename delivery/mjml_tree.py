"""MJML source as a tree that knows its lines. Reads what a marketer wrote, with Jinja anywhere; judges nothing but its syntax."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from delivery.tokens import Tokens
from domain.errors import InvalidInput, Mistake

# Elements whose content is HTML or text, not MJML: it goes through untouched.
ENDING = frozenset(
    (
        *("mj-text", "mj-button", "mj-table", "mj-raw", "mj-accordion-title", "mj-accordion-text", "mj-navbar-link"),
        *("mj-social-element", "mj-title", "mj-preview", "mj-style", "mj-html-attribute"),
    )
)
_TAG = re.compile(r"""<!--.*?-->|<(?P<close>/?)(?P<tag>[a-zA-Z][\w:-]*)(?P<attrs>(?:"[^"]*"|'[^']*'|[^"'<>])*?)(?P<empty>/?)>""", re.DOTALL)
_ATTRIBUTE = re.compile(r"""([^\s=\"'>/]+)(?:\s*=\s*("[^"]*"|'[^']*'|[^\s"'>]+))?""")


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute, its value as written between the quotes (Jinja masked)."""

    name: str
    value: str
    line: int


@dataclass(slots=True)
class Element:
    """An element. One of ENDING has `content` (source, Jinja and all) and no children."""

    tag: str
    line: int
    attributes: tuple[Attribute, ...] = ()
    children: list["Element | Loose"] = field(default_factory=list)
    content: str = ""

    def walk(self) -> Iterator["Element"]:
        """This element and all below it."""
        yield self
        for child in self.children:
            if isinstance(child, Element):
                yield from child.walk()

    def get(self, name: str) -> str | None:
        """The value of an attribute, or None."""
        return next((a.value for a in self.attributes if a.name == name), None)


@dataclass(frozen=True, slots=True)
class Loose:
    """What stands between elements: masked Jinja tags, or text that does not belong there."""

    text: str
    line: int


@dataclass(slots=True)
class _Reader:
    masked: str
    file: str
    tokens: Tokens
    mistakes: list[Mistake] = field(default_factory=list)

    def line(self, offset: int) -> int:
        return self.tokens.restore(self.masked[:offset]).count("\n") + 1

    def say(self, what: str, offset: int, hint: str | None = None) -> None:
        self.mistakes.append(Mistake(what, self.file, self.line(offset), hint))


def read_mjml(text: str, file: str, tokens: Tokens) -> list[Element | Loose]:
    """The elements at the top of a source. Raises InvalidInput with the line of whatever cannot be read."""
    reader = _Reader(tokens.mask(text), file, tokens)
    top = Element("", 1)
    stack, at = [top], 0
    while found := _TAG.search(reader.masked, at):
        _loose(reader, stack[-1], at, found.start())
        at = _take(reader, stack, found)
    _loose(reader, stack[-1], at, len(reader.masked))
    for unclosed in stack[1:]:
        reader.mistakes.append(Mistake(f"<{unclosed.tag}> is never closed", file, unclosed.line))
    if reader.mistakes:
        raise InvalidInput(reader.mistakes)
    return top.children


def _take(reader: _Reader, stack: list[Element], found: re.Match[str]) -> int:
    """Take one tag in; the offset to read on from."""
    tag = (found["tag"] or "").lower()
    if found["tag"] is None:  # a comment: dropped, with the Jinja in it
        return found.end()
    if found["close"]:
        _close(reader, stack, tag, found.start())
        return found.end()
    element = Element(tag, reader.line(found.start()), _attributes(reader, found))
    stack[-1].children.append(element)
    if found["empty"]:
        return found.end()
    if tag in ENDING:
        return _content(reader, element, found)
    stack.append(element)
    return found.end()


def _content(reader: _Reader, element: Element, opened: re.Match[str]) -> int:
    closed = re.compile(rf"</{element.tag}\s*>", re.IGNORECASE).search(reader.masked, opened.end())
    if closed is None:
        reader.say(f"<{element.tag}> is never closed", opened.start())
        return len(reader.masked)
    element.content = reader.tokens.restore(reader.masked[opened.end() : closed.start()])
    return closed.end()


def _close(reader: _Reader, stack: list[Element], tag: str, offset: int) -> None:
    if any(element.tag == tag for element in stack[1:]):
        while (element := stack.pop()).tag != tag:
            reader.mistakes.append(Mistake(f"<{element.tag}> is never closed", reader.file, element.line))
    else:
        reader.say(f"</{tag}> closes nothing", offset)


def _attributes(reader: _Reader, found: re.Match[str]) -> tuple[Attribute, ...]:
    attributes: list[Attribute] = []
    for each in _ATTRIBUTE.finditer(found["attrs"]):
        offset, name, value = found.start("attrs") + each.start(), each[1].lower(), each[2]
        if reader.tokens.in_text(name):
            reader.say("Jinja stands between attributes", offset, "put it into an attribute's value, or around the element")
        elif value is None:
            reader.say(f"attribute {name} has no value", offset, f'write {name}="…"')
        elif any(a.name == name for a in attributes):
            reader.say(f"attribute {name} occurs twice", offset)
        else:
            attributes.append(Attribute(name, value[1:-1] if value[0] in "\"'" else value, reader.line(offset)))
    return tuple(attributes)


def _loose(reader: _Reader, parent: Element, start: int, end: int) -> None:
    if text := reader.masked[start:end].strip():
        offset = start + reader.masked[start:end].index(text)
        if "<" in text:
            reader.say("a tag that cannot be read", offset + text.index("<"), "is a quote or a > missing?")
        parent.children.append(Loose(text, reader.line(offset)))
