"""Bodies that many letters share, put together as the ESPs' own documents say: by the simulator's substitution, not by ours."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.esp.shared_body import HANDLEBARS, MAILGUN, SENDGRID, SPARKPOST, Language, template_of
from domain.ids import MessageId, RecipientId, SendId
from domain.message import Form, Letter, Stencil
from simulator.esp.contents import Printed, Whole
from simulator.esp.substitution import exact, handlebars, percent, sparkpost

Put = Callable[[Whole, Mapping[str, object]], Printed]
LANGUAGES: Mapping[str, tuple[Language, Put]] = {
    "sendgrid": (SENDGRID, exact),
    "mailgun": (MAILGUN, percent),
    "sparkpost": (SPARKPOST, sparkpost),
    "ses": (HANDLEBARS, handlebars),
}
HASH = "0123456789abcdef0123456789abcdef"
HOSTILE = (
    *("{", "}", "{{", "}}", "{{{", "}}}", "{{ x }}", "{{{x}}}", "{{#if x}}", "{{else}}", "{{/if}}", "{{{{raw}}}}", "{{!-- x --}}"),
    *("\\", "\\{{x}}", "\\\\", "%", "%%", "%recipient.x%", "%recipient.", "recipient.x%", "%recipient%", "%unsubscribe_url%"),
    *("-name-", "-", "<%body%>", "{%", "%}", "{# #}", "$&", "$1", "~", "~1", "^", "|", "`", "[[data-msys-clicktrack=\"0\"]]", "[["),
    *("https://shop.example/?a=", "&amp;", "<b>", '"', "'", "\n", " ", "ü", "名前", "😀", "\u2028", "\x00"),
)  # fmt: skip
texts = st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"]), max_size=6), max_size=8).map("".join)


def form(*texts: str, blanks: tuple[int, ...] | None = None, header: str = "h") -> Form:
    """A form whose HTML has these texts with blanks 0, 1, … between; subject and text say the same another way round."""
    numbers = blanks if blanks is not None else tuple(range(len(texts) - 1))
    stencil, mirrored = Stencil(texts, numbers), Stencil(texts[::-1], numbers[::-1])
    headers = (("X-Header", Stencil((header, ""), (0,))),)
    return Form("The {{shop}} %recipient.x%", "news@shop.example", None, stencil, mirrored, stencil, headers)


def letter(of: Form, *fillings: str) -> Letter:
    """A letter of a form, without bytes."""
    ids = MessageId("0" * 32), SendId("s"), RecipientId("r")
    return Letter(*ids, "news@shop.example", "r@example.org", (), "", HASH, of, fillings)


@st.composite
def letters(draw: st.DrawFn) -> Letter:
    """Any form with any fillings."""
    fillings = draw(st.lists(texts, min_size=1, max_size=5))
    constant = draw(st.lists(texts, min_size=2, max_size=8))
    blanks = draw(st.lists(st.integers(0, len(fillings) - 1), min_size=len(constant) - 1, max_size=len(constant) - 1))
    return letter(form(*constant, blanks=tuple(blanks)), *fillings)


def arrives(name: str, one: Letter) -> Printed | None:
    """What arrives of the letter in a batch; None if it has to go whole."""
    language, put = LANGUAGES[name]
    assert one.form
    template = template_of(one.form, one.body_hash, language)
    if template is None or template.size_of(one) is None:
        return None
    headers = dict(template.headers) | {"From": template.from_name}
    return put(Whole(template.subject, template.html, template.text, headers), template.values(one))


def is_whole(one: Letter, printed: Printed) -> bool:
    """Whether exactly what the letter says has arrived."""
    assert one.form
    says = tuple(stencil.filled(one.fillings) for stencil in (one.form.subject, one.form.html, one.form.text))
    return (printed.subject, printed.html, printed.text) == says


@pytest.mark.parametrize("name", LANGUAGES)
@settings(max_examples=400, deadline=None)
@given(one=letters())
def test_what_arrives_is_what_was_printed(name: str, one: Letter) -> None:
    """Whatever stands in the body and in the values, what the ESP puts together is the letter, headers and sender's name included."""
    printed = arrives(name, one)
    if printed is None:
        return
    assert is_whole(one, printed)
    if LANGUAGES[name][0].in_headers:
        assert one.form
        assert printed.headers == {"X-Header": one.form.headers[0][1].filled(one.fillings), "From": one.form.from_name}


@pytest.mark.parametrize("name", LANGUAGES)
@pytest.mark.parametrize("nasty", HOSTILE)
def test_no_piece_of_any_language_is_lost(name: str, nasty: str) -> None:
    """In the body and as a value, alone, doubled and against its blanks, every hostile piece arrives, and in a batch."""
    one = letter(form(nasty, nasty, f"x{nasty}{nasty}", f"{nasty}y", nasty), nasty, f"{nasty}{nasty}", "", "plain")
    printed = arrives(name, one)
    if printed is None:
        assert name == "sendgrid"
        pytest.fail(f"{nasty!r} keeps a letter out of batches")
    assert is_whole(one, printed)


@pytest.mark.parametrize("name", LANGUAGES)
def test_a_value_that_spells_a_name_goes_whole(name: str) -> None:
    """A letter whose value is another's placeholder, or holds what all of them begin with, has no place in the batch."""
    plain = letter(form("a", "b", "c"), "one", "two")
    language = LANGUAGES[name][0]
    assert plain.form
    template = template_of(plain.form, plain.body_hash, language)
    assert template is not None
    placeholder = f"{language.body[0]}{template.names[1]}{language.body[1]}"
    for value in (placeholder, template.salt, f"x{template.names[0]}y"):
        assert template.size_of(letter(plain.form, value, "two")) is None
    assert template.size_of(plain) is not None


@pytest.mark.parametrize("name", LANGUAGES)
def test_names_begin_with_what_the_body_does_not_have(name: str) -> None:
    """A body in which the first choice of a salt stands gets another one; all its letters still go together."""
    language, plain = LANGUAGES[name][0], form("a", "b")
    first = template_of(plain, HASH, language)
    assert first is not None
    taken = form(f"a {first.salt}", f"{first.names[0]} b")
    second = template_of(taken, HASH, language)
    assert second is not None
    assert first.salt != second.salt
    printed = arrives(name, letter(taken, "x"))
    assert printed is not None
    assert printed.html == f"a {first.salt}x{first.names[0]} b"


def test_a_body_that_leaves_no_mark_free_goes_whole() -> None:
    """Where every character that could mark a name is in use, nothing is guessed."""
    assert template_of(form("~^|`§¶¦", ""), HASH, SENDGRID) is None


def test_more_blanks_than_digits_keep_names_apart() -> None:
    """With forty values no name begins with another."""
    texts = tuple(str(number) for number in range(41))
    one = letter(form(*texts), *(f"<{number}>" for number in range(40)))
    printed = arrives("sendgrid", one)
    assert printed is not None
    assert is_whole(one, printed)


@pytest.mark.parametrize("name", LANGUAGES)
def test_values_have_a_size(name: str) -> None:
    """Names, literals and values count, in bytes of UTF-8."""
    one = letter(form("{{ %recipient.x%", "b"), "ü" * 50)
    assert one.form
    template = template_of(one.form, HASH, LANGUAGES[name][0])
    assert template is not None
    assert template.size_of(one) == sum(len(key.encode()) + len(value.encode()) for key, value in template.values(one).items())


def test_large_values_are_measured_as_they_are_told() -> None:
    """What JSON makes of control characters and quotes counts where it could be too much."""
    one = letter(form("a", "b"), "\x00" * 2_000)
    assert one.form
    template = template_of(one.form, HASH, HANDLEBARS)
    assert template is not None
    size = template.size_of(one)
    assert size is not None
    assert size >= 12_000


def test_only_what_is_printed_is_told() -> None:
    """A filling that stands in headers alone is no value where headers are each letter's own."""
    one = letter(replace(form("a", "b"), headers=(("X", Stencil(("", ""), (1,))),)), "x", "in a header")
    assert one.form
    for language, expected in ((SENDGRID, ["x"]), (MAILGUN, ["x", "in a header"])):
        template = template_of(one.form, HASH, language)
        assert template is not None
        own = template.values(one)
        assert [own[key] for key in template.names] == expected
