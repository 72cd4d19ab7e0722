"""YAML as marketers write it, with the line of every key, so that a mistake can be pointed at.

Read as YAML 1.2 reads scalars: `no` is a word and not False, `21:00` a time of day and not 1260 seconds. Keys that occur
twice and aliases are refused: the first hide a mistake, the second can make a small file enormous.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from domain.errors import InvalidInput, Mistake

Path = tuple[str | int, ...]


class _Loader(yaml.SafeLoader):
    """Scalars of YAML 1.2's core schema; everything else is text."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - PyYAML's own way


_Loader.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^(?:true|True|false|False)$"), list("tTfF"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:null", re.compile(r"^(?:~|null|Null|)$"), ["~", "n", "N", ""])
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"^[-+]?(?:0|[1-9][0-9]*)$"), list("-+0123456789"))
_Loader.add_implicit_resolver("tag:yaml.org,2002:float", re.compile(r"^[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)$"), list("-+.0123456789"))


@dataclass(frozen=True, slots=True)
class Document:
    """What a file says, and on which line each path begins (its key's line, or that of a list's item)."""

    values: object
    lines: Mapping[Path, int]

    def line_of(self, path: Path) -> int:
        """The line of a path, or of the nearest thing that encloses it."""
        while path not in self.lines:
            path = path[:-1]
        return self.lines[path]


def load(text: str, file: str, *, first_line: int = 1) -> Document:
    """Read a document whose first line is line `first_line` of `file`. Raises InvalidInput with the line."""
    reader = _Reader(file, first_line)
    try:
        reader.refuse_aliases(text)
        if root := yaml.compose(text, Loader=_Loader):
            reader.walk(root, ())
        values = None if reader.mistakes else yaml.load(text, Loader=_Loader)  # noqa: S506 - a SafeLoader
    except yaml.YAMLError as error:
        what = getattr(error, "problem", None) or getattr(error, "reason", None) or "it cannot be read"
        hint = "put the text into quotes" if "mapping values" in what else None
        reader.say(f"not valid YAML: {what}", getattr(error, "problem_mark", None), hint)
    if reader.mistakes:
        raise InvalidInput(reader.mistakes)
    return Document(values, reader.lines)


class _Reader:
    """Notes lines and mistakes."""

    def __init__(self, file: str, first_line: int) -> None:
        self.file, self.first_line = file, first_line
        self.lines: dict[Path, int] = {(): first_line}
        self.mistakes: list[Mistake] = []

    def line(self, mark: object) -> int:
        return int(getattr(mark, "line", 0)) + self.first_line

    def say(self, what: str, mark: object, hint: str | None = None) -> None:
        self.mistakes.append(Mistake(what, self.file, self.line(mark), hint))

    def refuse_aliases(self, text: str) -> None:
        for event in yaml.parse(text, Loader=_Loader):
            if isinstance(event, yaml.AliasEvent):
                raise InvalidInput([Mistake("aliases (*name) are not read", self.file, self.line(event.start_mark), "write the value out")])

    def walk(self, node: Node, path: Path) -> None:
        if isinstance(node, SequenceNode):
            for index, item in enumerate(node.value):
                self.lines[(*path, index)] = self.line(item.start_mark)
                self.walk(item, (*path, index))
        elif isinstance(node, MappingNode):
            for key, value in node.value:
                self.entry(key, value, path)

    def entry(self, key: Node, value: Node, path: Path) -> None:
        if not isinstance(key, ScalarNode):
            self.say("a key has to be plain text", key.start_mark)
        elif (place := (*path, str(key.value))) in self.lines:
            self.say(f"{key.value!r} occurs twice", key.start_mark, f"first on line {self.lines[place]}")
        else:
            self.lines[place] = self.line(key.start_mark)
            self.walk(value, place)
