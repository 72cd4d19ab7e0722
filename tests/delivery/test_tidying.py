"""Plain text that Jinja's statements leave empty lines in."""

import itertools

from hypothesis import assume, example, given
from hypothesis import strategies as st

from delivery.jinja import Columns, text_template
from delivery.tidying import Part, Tidy, parts_of

PIECES = (
    *("Hello", "shop.", "\n", "\n\n", "\n \n\n\t\n", " ", "  ", "{{ campaign.name }}", "{% if campaign.name %}\nOurs\n{% endif %}"),
    *("{{ recipient.city }}", "{% if recipient.city %}\nIn {{ recipient.city }}\n\n{% endif %}", "{% if recipient.city %}{% endif %}"),
    *("{% for one in range(2) %}\n- {{ recipient.city }}\n{% endfor %}", "{# a comment #}"),
)


def rendered(source: str, city: str) -> str:
    """The text for a recipient there."""
    return text_template(source).render(recipient=Columns("recipient", {"city": city}), campaign=Columns("campaign", {"name": "news"}))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join), st.sampled_from(("Oslo", "", "\n", "\n\n\n", " a\n\n\nb ")))
@example("\n\n{% if recipient.city %}\n\n{% endif %}\n\nx{{ recipient.city }}\n\n\n", "\n")
def test_parts_come_out_as_the_whole_does(source: str, city: str) -> None:
    """Rendered and tidied by themselves and joined, parts are the text that was rendered and tidied as one, if the constant ones are
    tight once they are rendered."""
    parts = [(part, part.tidy(rendered(part.source, city))) for part in parts_of(source)]
    assume(all(text == text.strip() != "" for part, text in parts if not part.personal))
    apart = "".join(text for _, text in parts)
    assert apart == Tidy()(rendered(source, city))


@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_constant_parts_are_tight_and_alternate(source: str) -> None:
    """No constant part begins or ends with white space in its source, and none is next to another."""
    parts = parts_of(source)
    assert all(part.source == part.source.strip() != "" for part in parts if not part.personal)
    assert all(one.personal != other.personal for one, other in itertools.pairwise(parts))


def test_what_stays_to_be_set_is_little() -> None:
    """A greeting in the middle of a page of text leaves the page constant."""
    parts = parts_of("The shop\n\n{% if recipient.city %}From {{ recipient.city }}.{% endif %}\n\nA page of text.\n")
    assert parts == [
        Part("The shop", personal=False, tidy=Tidy(first=True, last=False)),
        Part("\n\n{% if recipient.city %}From {{ recipient.city }}.{% endif %}\n\n", personal=True, tidy=Tidy(first=False, last=False)),
        Part("A page of text.", personal=False, tidy=Tidy(first=False, last=True)),
    ]


def test_whitespace_control_keeps_a_text_whole() -> None:
    """`{%-` reaches beyond its own place, so nothing is cut."""
    source = "Hello\n\n{%- if recipient.city %} you{% endif %}\n\nBye"
    assert [part.source for part in parts_of(source)] == [source]
