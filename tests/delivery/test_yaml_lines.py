"""YAML with lines."""

import pytest

from delivery.yaml_lines import load
from domain.errors import InvalidInput


def test_times_and_no_stay_words() -> None:
    """`21:00` and `no` are what they look like, not 1260 and False."""
    assert load("start: 21:00\ncountry: no\non: yes\n", "f").values == {"start": "21:00", "country": "no", "on": "yes"}


def test_numbers_booleans_and_nothing_are_read() -> None:
    """Numbers, true and false, and empty values have their types."""
    assert load("a: 1\nb: -0.5\nc: true\nd:\n", "f").values == {"a": 1, "b": -0.5, "c": True, "d": None}


def test_every_key_has_its_line() -> None:
    """A path's line is where its key stands, counted from the first line given."""
    document = load("a:\n  b: 1\nc:\n  - d: 2\n  - 3\n", "f", first_line=10)
    assert [document.line_of(path) for path in (("a",), ("a", "b"), ("c", 1), ("c", 0, "d"))] == [10, 11, 14, 13]


def test_an_unknown_path_has_the_line_of_what_encloses_it() -> None:
    """A key that is missing is missed where it should stand."""
    assert load("x: 1\na:\n  b: 1\n", "f").line_of(("a", "missing")) == 2


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: 1\na: 2\n", "f:2: 'a' occurs twice (first on line 1)"),
        ("a: &x 1\nb: *x\n", "f:2: aliases (*name) are not read (write the value out)"),
        ("a: b: c\n", "f:1: not valid YAML: mapping values are not allowed here (put the text into quotes)"),
        ("[a]: 1\n", "f:1: a key has to be plain text"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, expected: str) -> None:
    """Double keys, aliases, broken syntax and odd keys are mistakes with a place."""
    with pytest.raises(InvalidInput) as caught:
        load(text, "f")
    assert str(caught.value) == expected
