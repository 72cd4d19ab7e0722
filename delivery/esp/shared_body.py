"""One body for many letters: a form written in an ESP's substitution language, and what each letter has put into it. Pure.

Values go in as they are, because they were escaped when the letter was printed; every language here has a way to say so. What of the
constant text a language would read is moved out of it into a value of its own, which languages do not read again. Where one might, by
replacing name after name, its names begin with a character that is in no text and in no value. A letter whose values hold
what the names are made of has no place in such a call (`Template.size_of`) and goes whole.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import count

import orjson

from domain.ids import digest
from domain.message import Form, Letter, Stencil

_TEMPLATES = 64  # bodies whose templates are kept
_SALT = 5  # letters
_SMALL = 1_500  # bytes that JSON, which needs up to six for one, cannot make too large for anybody
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_NOTHING = re.compile(r"(?!)")


def _digests(body_hash: str) -> Iterator[str]:
    """Endless candidates: a letter, because names may not begin with a digit, and hex digits of the body's digest."""
    return (f"b{digest('salt', body_hash, str(number))[: _SALT - 1]}" for number in count())


@dataclass(frozen=True, slots=True)
class Language:
    """How an ESP is told where values go.

    A name stands between `body[0]` and `body[1]` in HTML and text, between `header`'s in all else. `read` finds what else it would read
    in a constant text; `before` and `after` what it would read together with a name that follows or precedes. `salts` are candidates
    for what names begin with, given the body's hash; `name` makes a name from it, a number, and how many there are. `in_headers`:
    headers are looked through too, otherwise each letter brings its own.
    """

    body: tuple[str, str]
    header: tuple[str, str]
    read: re.Pattern[str] = _NOTHING
    before: re.Pattern[str] = _NOTHING
    after: re.Pattern[str] = _NOTHING
    salts: Callable[[str], Iterator[str]] = _digests
    name: Callable[[str, int, int], str] = lambda salt, number, _most: f"{salt}_{number}"
    in_headers: bool = True


@dataclass(frozen=True, slots=True)
class Template:
    """A form in a language. `names[i]` is the name of the filling `numbers[i]`; `literals` are constant texts that became values.

    `overhead`: bytes of names and literals among a letter's values.
    """

    salt: str
    from_name: str
    subject: str
    text: str
    html: str
    headers: tuple[tuple[str, str], ...]
    names: tuple[str, ...]
    numbers: tuple[int, ...]
    literals: tuple[tuple[str, str], ...]
    overhead: int

    def values(self, letter: Letter) -> dict[str, str]:
        """The letter's values by name."""
        fillings = letter.fillings
        own = dict(zip(self.names, [fillings[number] for number in self.numbers], strict=True))
        return {**own, **dict(self.literals)} if self.literals else own

    def size_of(self, letter: Letter) -> int | None:
        """Bytes of the letter's values with their names, as JSON if that can make a difference; None if they cannot be put into it."""
        together = "".join(letter.fillings)
        if self.salt in together:
            return None
        size = len(together) if together.isascii() else len(together.encode())
        return self.overhead + (size if size <= _SMALL else len(orjson.dumps(letter.fillings)))


@lru_cache(_TEMPLATES)
def template_of(form: Form, body_hash: str, language: Language) -> Template | None:
    """The form in a language; None if there is no salt for it, so that its letters have to go whole."""
    constants = "".join(text for stencil in _stencils(form) for text in stencil.texts) + form.from_name
    salt = next((salt for salt in language.salts(body_hash) if salt not in constants), None)
    return None if salt is None else _Writer(form, language, salt).template()


def form_of(call: Sequence[Letter], language: Language) -> tuple[Form, Template]:
    """What the letters of a call share. Such a call has been cut so that they do (`cutting.py`)."""
    form = call[0].form
    template = template_of(form, call[0].body_hash, language) if form else None
    if form is None or template is None:
        raise ValueError("these letters share no form that can be written")
    return form, template


class _Writer:
    """Writes one form in one language."""

    def __init__(self, form: Form, language: Language, salt: str) -> None:
        self._form, self._language, self._salt = form, language, salt
        read = (form.subject, form.text, form.html, *(stencil for _, stencil in form.headers if language.in_headers))
        self._numbers = tuple(sorted({number for stencil in read for number in stencil.blanks}))
        self._names = {number: language.name(salt, place, len(self._numbers)) for place, number in enumerate(self._numbers)}
        self._literals: dict[str, str] = {}

    def template(self) -> Template:
        """The form, written."""
        form, header = self._form, self._language.header
        headers = [(name, self._written(value, header)) for name, value in form.headers if self._language.in_headers]
        from_name, subject = self._written(Stencil((form.from_name,)), header), self._written(form.subject, header)
        text, html = (self._written(stencil, self._language.body) for stencil in (form.text, form.html))
        names, literals = tuple(self._names.values()), tuple((name, text) for text, name in self._literals.items())
        overhead = sum(map(len, names)) + sum(len(name) + len(literal.encode()) for name, literal in literals)
        return Template(self._salt, from_name, subject, text, html, tuple(headers), names, self._numbers, literals, overhead)

    def _written(self, stencil: Stencil, around: tuple[str, str]) -> str:
        cells = list(self._cells(stencil))
        return "".join(cell if isinstance(cell, str) else f"{around[0]}{cell.name}{around[1]}" for cell in self._parted(cells))

    def _cells(self, stencil: Stencil) -> Iterator["str | _Name"]:
        """Texts and names, with what the language would read in a text taken out of it."""
        for place, text in enumerate(stencil.texts):
            if place:
                yield _Name(self._names[stencil.blanks[place - 1]])
            end = 0
            for found in self._language.read.finditer(text):
                yield from (text[end : found.start()], self._literal(found[0]))
                end = found.end()
            yield text[end:]

    def _parted(self, cells: Sequence["str | _Name"]) -> Iterator["str | _Name"]:
        """The same, with what the language would read together with a name taken out too."""
        cells = [cell for cell in cells if cell]
        for before, cell, after in zip([None, *cells], cells, [*cells[1:], None], strict=False):
            if isinstance(cell, _Name):
                yield cell
                continue
            text = cell
            if isinstance(before, _Name) and (found := self._language.after.match(text)) and found[0]:
                yield self._literal(found[0])
                text = text[found.end() :]
            end = self._language.before.search(text) if isinstance(after, _Name) else None
            yield text[: end.start()] if end else text
            if end and end[0]:
                yield self._literal(end[0])

    def _literal(self, text: str) -> "_Name":
        return _Name(self._literals.setdefault(text, f"{self._salt}_k{len(self._literals)}"))


@dataclass(frozen=True, slots=True)
class _Name:
    name: str


def _stencils(form: Form) -> Iterable[Stencil]:
    return (form.subject, form.text, form.html, *(stencil for _, stencil in form.headers))


def _in_digits(salt: str, number: int, most: int) -> str:
    """Salt and number, all of one length: no name begins with another."""
    length = 1 if most <= len(_DIGITS) else 2
    return salt + "".join(_DIGITS[number // len(_DIGITS) ** place % len(_DIGITS)] for place in reversed(range(length)))


_BRACES = re.compile(r"\\*\{\{[{\\]*")
_OPENING, _CLOSING = re.compile(r"[{\\]+\Z"), re.compile(r"\}+")

# Handlebars with simple substitutions, not escaped: SES, "Advanced email personalization". Headers are the entries' own.
HANDLEBARS = Language(("{{", "}}"), ("{{", "}}"), _BRACES, _OPENING, _CLOSING, in_headers=False)
# Three braces: neither escaped in HTML nor encoded in links. [[data-msys-…]] after a link in text is read too.
SPARKPOST = Language(("{{{", "}}}"), ("{{", "}}"), re.compile(rf"{_BRACES.pattern}|\[\[(?=data-msys)"), _OPENING, _CLOSING)
# Names of Mailgun's own besides those of recipient variables: "Batch Sending", "Mailing Lists", "Tracking Unsubscribes".
MAILGUN = Language(
    ("%recipient.", "%"),
    ("%recipient.", "%"),
    read=re.compile(r"%(?=recipient|unsubscribe_|tag_unsubscribe_|mailing_list_)"),
    before=re.compile(r"%\Z"),
)
# Plain replacement of strings, one after the other; so each begins with a character that is nowhere else. HTML's own would be encoded.
SENDGRID = Language(("", ""), ("", ""), salts=lambda _body_hash: iter("~^|`§¶¦"), name=_in_digits, in_headers=False)
