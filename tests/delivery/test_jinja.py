"""The sandbox of letters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.jinja import Columns, EmptyValueError, html_template, plain, reason_of, text_template
from delivery.jinja_check import Known, check_template, is_personal
from domain.errors import InvalidInput

HOSTILE = "<b onclick=x>{{ 7 * 7 }}{% if 1 %}&'\"\r\nBcc: x"


def shown(source: str, *, html: bool = True, **values: object) -> str:
    """What a template prints, or why it cannot."""
    template = (html_template if html else text_template)(source)
    try:
        return template.render(recipient=Columns("recipient", values))
    except Exception as error:
        return f"! {reason_of(error)}"


def complaints(source: str, columns: tuple[str, ...] | None = ("first_name", "orders")) -> list[str]:
    """What is wrong with a template."""
    try:
        found = check_template(source, "f", Known.of(columns))
    except InvalidInput as error:
        found = list(error.mistakes)
    return [str(mistake) for mistake in found]


@given(st.text())
def test_a_value_is_printed_as_text_and_nothing_else(value: str) -> None:
    """In text as it is; in HTML so that a browser shows it as it is; as Jinja never."""
    assert shown("{{ recipient.a }}", html=False, a=value) == value
    escaped = shown("{{ recipient.a }}", a=value)
    assert "<" not in escaped
    assert '"' not in escaped


def test_a_hostile_value_stays_a_value() -> None:
    """HTML and Jinja in a value are escaped, not run."""
    assert "49" not in shown("{{ recipient.a }}", a=HOSTILE)
    assert shown("{{ recipient.a }}", a=HOSTILE).startswith("&lt;b onclick=x&gt;{{ 7 * 7 }}")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{% if recipient.gone %}yes{% else %}no{% endif %}", "no"),
        ("{{ recipient.gone | default('friend') }}", "friend"),
        ("{{ recipient.gone is defined }}", "False"),
        ("{{ recipient.gone == 'x' }}{{ recipient.gone != 'x' }}", "FalseTrue"),
        ("{{ recipient.gone }}", "! recipient.gone is empty"),
        ("{{ recipient.gone | upper }}", "! recipient.gone is empty"),
        ("{{ recipient.gone | money }}", "! recipient.gone is empty"),
        ("{{ recipient.gone > 3 }}", "! recipient.gone is empty"),
        ("{{ recipient.gone * 3 }}", "! recipient.gone is empty"),
        ("{{ 'a' ~ recipient.gone }}", "! recipient.gone is empty"),
    ],
)
def test_an_empty_column_is_false_or_replaced_and_otherwise_an_error(source: str, expected: str) -> None:
    """What has an answer without a value has it; printing and computing say which column is empty."""
    assert shown(source) == expected


@pytest.mark.parametrize(
    "source",
    [
        "{{ recipient.a.upper() }}",
        "{{ recipient.a.__class__ }}",
        "{{ recipient.__init__ }}{{ recipient._values }}",
        "{{ 'x' * 1000000000 }}",
        "{{ recipient.a % 3 }}",
        "{{ 9 ** 999999999 }}",
        "{{ range(1000000) }}",
        "{{ {'k': 1}[recipient.a] }}",
        "{{ recipient.a + 1 }}",
        "{{ 1 / 0 }}",
        "{{ recipient.a | date }}",
        "{{ recipient }}",
        "{{ ().__class__.__bases__[0].__subclasses__() }}",
        "{{ 'a'['upper']() }}",
    ],
)
def test_errors_do_not_tell_values(source: str) -> None:
    """Whatever goes wrong, the reason can be logged."""
    reason = shown(source, a="Ada Lovelace")
    assert reason.startswith("! ")
    assert "Ada" not in reason


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 1234.5 | money }} {{ -3 | money('GBP') }} {{ 2 | money('CHF') }}", "€1,234.50 -£3.00 CHF 2.00"),
        ("{{ 1234567.891 | number }} {{ 0.5 | number(2) }}", "1,234,568 0.50"),
        ("{{ '2026-11-23' | date }} | {{ '2026-11-23' | date('short') }}", "23 November 2026 | 23 Nov"),
        ("{{ '2026-11-23T10:00:00' | date('weekday') }} {{ '2026-11-23' | date('month') }}", "Monday 23 November November"),
        ("{{ '2026-11-23' | date('iso') }}", "2026-11-23"),
        ("{{ '2026-11-23' | date('fancy') }}", "! a filter or test was given what it cannot take"),
        ("{% for i in range(3) %}{{ loop.index }}{{ loop.cycle('a', 'b') }}{% endfor %}", "1a2b3a"),
        ("{{ 2 * 3 }} {{ 2 ** 8 }} {{ 7 % 4 }} {{ 7 // 2 }}", "6 256 3 3"),
    ],
)
def test_filters_and_arithmetic(source: str, expected: str) -> None:
    """Amounts and dates are printed the same on every machine."""
    assert shown(source) == expected


def test_whole_numbers_print_without_a_point() -> None:
    """Numbers are kept as floats; three orders are not 3.0 orders."""
    assert [plain(3.0), plain(2.5), plain("3.0"), plain(True), plain(None)] == [3, 2.5, "3.0", True, None]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("a\n{{ recipient.fist_name }}", "f:2: recipient has no column 'fist_name' (did you mean 'first_name'?)"),
        (
            "{{ first_name }}",
            "f:1: 'first_name' is not known here (known: campaign, open_url, preheader, recipient, send, unsubscribe_url, view_url)",
        ),
        ("{{ recipient }}", "f:1: recipient cannot be printed as a whole (name a column: recipient.…)"),
        ("{{ recipient[campaign.title] }}", "f:1: a column of recipient is named by a value (write recipient.…)"),
        ("{{ campaign.titel }}", "f:1: campaign has no column 'titel' (did you mean 'title'?)"),
        ("{% if x %}", "f:1: not valid Jinja: Unexpected end of template."),
        ("{{ recipient.orders | monney }}", "f:1: not valid Jinja: No filter named 'monney'. (did you mean 'money'?)"),
        ("{{ recipient.first_name | safe }}", "f:1: not valid Jinja: No filter named 'safe'."),
        ("{% autoescape false %}{% endautoescape %}", "f:1: {% autoescape %} is not allowed in a letter"),
        ("\n{% include 'x' %}", "f:2: {% include %} is not allowed in a letter"),
        ("{% macro m() %}{% endmacro %}", "f:1: {% macro %} is not allowed in a letter"),
        ("{{ _links['x'] }}", "f:1: '_links' is not known here"),
        ("{{ 'x' | _link('y') }}", "f:1: not valid Jinja: No filter named '_link'."),
        (
            "{% for a in [1] %}{% for b in [1] %}{% for c in [1] %}{% endfor %}{% endfor %}{% endfor %}",
            "f:1: loops are nested deeper than 2, or recursive",
        ),
    ],
)
def test_a_mistake_is_told_before_anybody_is_written_to(source: str, expected: str) -> None:
    """Names, columns, filters and statements are checked, with line and what was probably meant."""
    found = complaints(source)
    assert any(line.startswith(expected) for line in found), found


def test_names_that_a_template_sets_itself_are_known() -> None:
    """Loops, `set` and `with` make names."""
    assert (
        complaints("{% set x = 1 %}{{ x }}{% for y in [1] %}{{ y }}{{ loop.index }}{% endfor %}{% with z = 2 %}{{ z }}{% endwith %}") == []
    )


def test_without_a_database_columns_are_taken_on_trust() -> None:
    """Any column may be named when nobody knows which there are."""
    assert complaints("{{ recipient.anything }}", None) == []


@pytest.mark.parametrize(
    ("source", "personal"),
    [("text {{ campaign.title }} {{ send.date }}", False), ("{{ recipient.a }}", True), ("{% if preheader %}{% endif %}", True)],
)
def test_what_differs_between_recipients_is_known(source: str, personal: bool) -> None:
    """Only what reads the recipient, the preheader or the unsubscribe link is set anew for each letter."""
    assert is_personal(source) is personal


def test_an_empty_value_has_its_own_error() -> None:
    """It is told apart from mistakes of the template."""
    with pytest.raises(EmptyValueError, match=r"recipient\.x is empty"):
        html_template("{{ recipient.x }}").render(recipient=Columns("recipient", {}))
