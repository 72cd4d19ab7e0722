"""Opaque words, and cutting templates into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jinja2 import Environment

from delivery.tokens import JINJA, Tokens, segments

PIECES = st.lists(
    st.sampled_from(
        ["text ", "<b>", "{{ a }}", "{{ '}}' }}", '{{ "{%" }}', "{# {{ #}", "{% if a %}x{{ a }}{% endif %}", "\n", "{ { ", "% }", "'"]
    ),
    max_size=8,
).map("".join)


@given(PIECES)
def test_what_is_masked_comes_back(source: str) -> None:
    """Masking and restoring is the identity, and no Jinja is left in between."""
    tokens = Tokens("abc")
    masked = tokens.mask(source)
    assert tokens.restore(masked) == source
    assert not JINJA.search(masked)


@given(PIECES)
def test_segments_joined_are_the_source_and_print_the_same(source: str) -> None:
    """Parts rendered one by one give what the whole gives."""
    jinja = Environment(autoescape=True, keep_trailing_newline=True)
    parts = segments(source)
    assert "".join(parts) == source
    assert "".join(jinja.from_string(part).render(a="<&>") for part in parts) == jinja.from_string(source).render(a="<&>")


@pytest.mark.parametrize("source", ["a{% set x = 1 %}{{ x }}", "a {{- b }} c", "a {% if b -%} c{% endif %}"])
def test_what_reaches_beyond_its_place_stays_whole(source: str) -> None:
    """`set` and whitespace control are not cut off from what they act upon."""
    assert segments(source) == [source]


def test_a_block_stays_in_one_part() -> None:
    """Nested statements are one part."""
    source = "a{% for x in [1] %}{% if x %}{{ x }}{% endif %}{% endfor %}b{% filter upper %}c{% endfilter %}"
    assert segments(source) == [
        "a",
        "{% for x in [1] %}{% if x %}{{ x }}{% endif %}{% endfor %}",
        "b",
        "{% filter upper %}c{% endfilter %}",
    ]
