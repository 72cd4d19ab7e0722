"""Makes a script small: comments and white space go, and names of its own become letters. Pure; the same source gives the same bytes.

It is no compiler, and takes what `static/letterpress.js` is written in: a statement ends with its line; comments have lines to
themselves; names of the script's own follow `const` or `let`, or are parameters of an arrow function, and a name is the same letter
everywhere; its own properties begin with `$`; objects are written `{name: value}` and taken apart nowhere; no expression holds a quote,
and no text an end of a line.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_letters

_TOKEN = re.compile(
    r"""(?P<comment>//[^\n]*) | (?P<text>"[^"\n]*") | (?P<regexp>(?<=\()/(?:[^/\n\\]|\\.)+/\w*) | (?P<word>[A-Za-z_$][\w$]*)
      | (?P<number>\d[\w.]*|\.\d+) | (?P<line>\s*\n\s*) | (?P<space>[ \t]+) | (?P<sign>=>|\?\.|\.\.\.|.)""",
    re.X,
)
_DECLARED = re.compile(r"\b(?:const|let) (\w+)|\b(\w+) =>|\(([\w\s,]*)\) =>|(\$\w+)")
_GLUE_AFTER, _GLUE_BEFORE = frozenset("{([,?:=|&+<>") | {"=>"}, frozenset("})].?:=|&+<>,") | {"?."}
_OPENING, _CLOSING = frozenset("{(["), frozenset("})]")
_OWN = "$"


@dataclass(frozen=True, slots=True)
class _Token:
    """A piece of the script. `gap`: the white space before it: nothing, a space or the end of a line."""

    kind: str
    text: str
    gap: str


def minified(source: str) -> str:
    """The script, made small."""
    tokens = list(_tokens(source))
    names = _letters(source, tokens)
    before, after = ["", *(token.text for token in tokens)], [*(token.text for token in tokens[1:]), ""]
    short = (_renamed(token, names, *around) for token, *around in zip(tokens, before, after, strict=False))
    return "".join(_Press().pieces(short))


def _tokens(source: str) -> Iterator[_Token]:
    gap = ""
    for found in _TOKEN.finditer(source):
        kind, text = str(found.lastgroup), found.group()
        if kind in {"line", "space"}:
            gap = "\n" if "\n" in gap + text else " "
        elif kind != "comment":
            yield _Token(kind, text, gap)
            gap = ""


def _letters(source: str, tokens: Sequence[_Token]) -> dict[str, str]:
    """A letter for each name of the script's own, the most frequent first; none that it uses for something else."""
    code = re.sub(r"(?m)^\s*//.*$", "", source)
    own = {name for groups in _DECLARED.findall(code) for name in re.findall(r"\$?\w+", " ".join(groups))}
    words = Counter(token.text for token in tokens if token.kind == "word")
    free = (letter for letter in ascii_letters if letter not in words.keys() - own)
    return dict(zip(sorted(own, key=lambda name: (-words[name], name)), free, strict=False))


def _renamed(token: _Token, names: dict[str, str], before: str, after: str) -> _Token:
    """With its letter, but for a property that others know: `.name`, and `name:` after `{` or `,`."""
    foreign = before in {".", "?."} or (before in {"{", ","} and after == ":")
    if token.kind != "word" or (foreign and not token.text.startswith(_OWN)):
        return token
    return _Token(token.kind, names.get(token.text, token.text), token.gap)


@dataclass(slots=True)
class _Press:
    """Puts tokens side by side. `begun`: the word that the statement began with, at each depth of brackets."""

    begun: list[str] = field(default_factory=lambda: [""])
    last: str = "{"

    def pieces(self, tokens: Iterator[_Token]) -> Iterator[str]:
        """The script. `const a` and `const b` in lines that follow each other become one statement."""
        for token in tokens:
            ends = token.gap == "\n" and self.last not in _GLUE_AFTER and token.text not in _GLUE_BEFORE
            joined = ends and token.text in {"const", "let"} and token.text == self.begun[-1]
            if ends or self.last == "{":
                self.begun[-1] = token.text
            self._nest(token.text)
            yield "," if joined else self._between(token, ends) + token.text
            self.last = "," if joined else token.text

    def _between(self, token: _Token, ends: bool) -> str:
        if ends:
            return "\n"
        words = re.match(r"[\w$]", self.last[-1:]) and re.match(r"[\w$]", token.text)
        return " " if token.gap and (words or (self.last in "+-" and token.text in "+-")) else ""

    def _nest(self, text: str) -> None:
        if text in _OPENING:
            self.begun.append("")
        elif text in _CLOSING:
            self.begun.pop()
