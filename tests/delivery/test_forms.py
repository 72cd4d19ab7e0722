"""The form and the fillings of printed letters: what they say is what the bytes say."""

from pathlib import Path

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from delivery.compile import compile_campaign
from delivery.compose import Chosen, Composer
from delivery.esp.parts import parts_of_form, parts_of_mime
from delivery.links import Signer
from domain.ids import PlacementId, RecipientId, VariantId
from domain.message import Letter
from domain.recipient import AttributeValue, Recipient
from tests.delivery.campaigns import CAMPAIGN, KEYS, STARTER, block, press, send_of, variant, with_file, write

HERO, STORY, SUBJECT = (PlacementId(f"news.{name}") for name in ("hero", "story", "subject"))
# Every way in which something of the recipient's can stand in a letter: alone, chosen, repeated, filtered, in a link, as a link.
PERSONAL = (
    "{{ recipient.first_name }}{{ recipient.first_name | upper }} {{ recipient.orders }} "
    '{% if recipient.city %}in {{ recipient.city }} <a href="https://shop.example/city">there</a>{% endif %}'
    '<a href="https://shop.example/{{ recipient.city | default("x") | urlencode }}">yours</a>'
    "{% for x in range(2) %}{{ recipient.first_name }}{% endfor %} {{ preheader }} {{ unsubscribe_url }} {{ recipient.recipient_id }}"
)
NAMED = variant("{{ recipient.first_name }}, {{ preheader }}\n", preheader="'{{ recipient.city | default(\"town\") }}, news'")


def personal(folder: Path) -> Composer:
    """A press for letters with everything in them."""
    files = {"hero__second_DOT_mjml": block(PERSONAL), "subject__named_DOT_txt": NAMED}
    files["hero__third_DOT_mjml"] = block("{% if recipient.city %}{{ recipient.city }}{% endif %}")
    return press(compile_campaign(write(folder, **files)))


def reader(name: str = "Ada", **attributes: AttributeValue) -> Recipient:
    """A recipient."""
    return Recipient(RecipientId("r1"), "ada@example.org", attributes={"first_name": name, "orders": 3.0, **attributes})


def slate(hero: str = "second", subject: str = "named") -> Chosen:
    """What is chosen."""
    return {HERO: (VariantId(hero),), SUBJECT: (VariantId(subject),)}


def agrees(letter: Letter) -> bool:
    """Whether form and bytes say the same of everything that they both say."""
    assert letter.form
    return parts_of_form(letter.form, letter) == parts_of_mime(letter)


_made: list[Composer] = []


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(max_size=40), st.none() | st.text(min_size=1, max_size=40))
@example("\r", "\n")
@example("a\r\nb\rc\n\n", " x ")
@example(" \ud800=?utf-8?b?YQ==?=", "\u2028\x00\x85")
@example("x" * 1_000, "é" * 100)
def test_the_form_says_what_the_bytes_say(tmp_path: Path, name: str, city: str | None) -> None:
    """Subject, HTML, text, headers and sender, for any values: newlines, tidied lines, encoded words and all."""
    if not _made:
        _made.append(personal(tmp_path))
    for hero in ("second", "third"):
        assert agrees(_made[0].compose(reader(name, city=city), slate(hero)))


def test_every_variant_of_the_starter_has_a_form() -> None:
    """Each block says the same in its form, for someone known and someone unknown."""
    composer = press(compile_campaign(STARTER))
    known = reader(tier="gold", country="DE", favourite="books", spend=100.0, city="Köln")
    for one in composer._content.variants:
        assert agrees(composer.compose(known, {one.placement: (one.variant,)}))
        if one.where is None:
            assert agrees(composer.compose(Recipient(RecipientId("r2"), "b@example.org"), {one.placement: (one.variant,)}))


def test_letters_of_a_body_share_their_form_and_their_constant_pieces(tmp_path: Path) -> None:
    """Memory holds them once: the form is one object, and so is every long piece; ids, tokens and values are each letter's own."""
    composer = press(compile_campaign(write(tmp_path)))
    first, second = (composer.compose(Recipient(RecipientId(who), f"{who}@example.org"), {}) for who in ("r1", "r2"))
    assert first.form is second.form
    assert [id(piece) for piece in first.pieces if len(piece) > 60] == [id(piece) for piece in second.pieces if len(piece) > 60]
    assert set(first.fillings).isdisjoint(set(second.fillings) - {"reader", ""})


def test_another_body_has_another_form(tmp_path: Path) -> None:
    """What is chosen decides the form, and nothing else does."""
    composer = personal(tmp_path)
    forms = [composer.compose(reader("Ada"), slate(hero)).form for hero in ("first", "second", "first")]
    assert forms[0] is forms[2]
    assert forms[0] != forms[1]
    assert composer.compose(reader("Ben"), slate("first")).form is forms[0]


def test_a_value_in_several_places_is_one_filling(tmp_path: Path) -> None:
    """A name that stands twice in HTML and once in text is told twice: as HTML has it and as it is; a link's token once for both."""
    twice = "{{ recipient.city }} and {{ recipient.city }} <a href='https://shop.example/x'>x</a>"
    composer = press(compile_campaign(with_file(tmp_path, "hero/first.mjml", block(twice, default="true"))))
    letter = composer.compose(reader(city="A&B"), {})
    assert [letter.fillings.count(value) for value in ("A&B", "A&amp;B")] == [1, 1]
    assert letter.form
    for stencil, value in ((letter.form.text, "A&B"), (letter.form.html, "A&amp;B")):
        assert stencil.blanks.count(letter.fillings.index(value)) == 2
    links = [{blank for blank in stencil.blanks if 2 <= blank < 7} for stencil in (letter.form.text, letter.form.html)]
    assert links[0] == links[1] == {2, 3, 4, 5, 6}  # what all tokens begin with, and the rest of four


def test_the_pieces_are_the_letter(tmp_path: Path) -> None:
    """Joined they are its bytes, and its size is theirs."""
    letter = personal(tmp_path).compose(reader(), slate())
    assert letter.mime == b"".join(letter.pieces)
    assert letter.size == len(letter.mime)


def test_values_that_are_equal_are_not_taken_for_each_other(tmp_path: Path) -> None:
    """1.0 and True are equal in Python and are printed as 1 and True, whoever was printed before; so is what is empty."""
    shown = block('[{{ recipient.city | default("none") }}]', default="true")
    composer = press(compile_campaign(with_file(tmp_path, "hero/first.mjml", shown)))
    values: tuple[tuple[AttributeValue, str], ...] = (
        (1.0, "1"),
        (True, "True"),
        ("1", "1"),
        (1.5, "1.5"),
        (None, "none"),
        (False, "False"),
    )
    for value, expected in (*values, *reversed(values)):
        assert f"[{expected}]" in parts_of_mime(composer.compose(reader(city=value), {})).html


def test_an_unsubscribe_address_that_html_would_change_is_still_the_same(tmp_path: Path) -> None:
    """A public address with an ampersand is escaped in HTML and not in text."""
    content = compile_campaign(write(tmp_path, **{"campaign_DOT_yaml": CAMPAIGN}))
    composer = Composer(content, send_of(content, public_url="https://links.shop.example/a&b"), Signer(KEYS))
    letter = composer.compose(reader(), {})
    parts = parts_of_mime(letter)
    assert agrees(letter)
    assert "https://links.shop.example/a&amp;b/u/" in parts.html
    assert "https://links.shop.example/a&b/u/" in parts.text
