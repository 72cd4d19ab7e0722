"""Printing letters."""

import re
from email import message_from_bytes
from email.policy import SMTP
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from delivery.compile import compile_campaign
from delivery.compose import Composer
from delivery.links import Signer
from delivery.mime import RenderError, one_line
from domain.ids import PlacementId, RecipientId, VariantId, message_id_of
from domain.message import Letter
from domain.recipient import Recipient
from tests.delivery.campaigns import KEYS, STARTER, block, press, send_of, variant, with_file, write

HERO, STORY, SUBJECT = (PlacementId(f"news.{name}") for name in ("hero", "story", "subject"))
SECOND = {HERO: (VariantId("second"),)}
HOSTILE = "<script>alert(1)</script>{{ 7 * 7 }}{% for x in [1] %}&\"'"


def ada(**attributes: str | float | bool | None) -> Recipient:
    """A recipient."""
    return Recipient(RecipientId("r1"), "ada@example.org", attributes={"first_name": "Ada", **attributes})


def read(letter: Letter) -> tuple[str, str, str]:
    """Subject, text and HTML as a receiving program reads them."""
    message = message_from_bytes(letter.mime, policy=SMTP)
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text is not None
    assert html is not None
    return str(message["Subject"]), text.get_content().replace("\r\n", "\n"), html.get_content().replace("\r\n", "\n")


def test_a_letter_has_the_chosen_variants_in_their_positions(tmp_path: Path) -> None:
    """Blocks stand where and in the order in which they were chosen; a placement not named shows its defaults."""
    composer = press(compile_campaign(write(tmp_path)))
    _, text, html = read(composer.compose(ada(), {STORY: (VariantId("three"), VariantId("one")), **SECOND}))
    for body in (text, html):
        found = re.findall(r"Hello Ada|First|Second for Ada|One|Two|Three|1 High Street", body)
        assert found == ["Hello Ada", "Second for Ada", "Three", "One", "1 High Street"]
    assert "First" in read(composer.compose(ada(), {}))[2]


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    """Two composers, made apart, print the same letter, and its hash is that of its bytes."""
    content = compile_campaign(write(tmp_path))
    first, second = press(content).compose(ada(), SECOND), press(content).compose(ada(), SECOND)
    assert first == second


def test_text_and_preview_say_what_the_letter_says(tmp_path: Path) -> None:
    """A preview differs from the letter in its links alone."""
    composer = press(compile_campaign(write(tmp_path)))
    shown, (subject, text, html) = composer.preview(ada(), {}), read(composer.compose(ada(), {}))
    without = re.compile(r"https://[^\s\"]+")
    assert (shown.subject, shown.preheader) == (subject, "What is new")
    assert without.sub("", shown.text).strip() == without.sub("", text).strip()
    assert without.sub("", shown.html).strip() == without.sub("", html).strip()
    assert "https://shop.example/first?a=1&amp;b=2" in shown.html
    assert "https://shop.example/first?a=1&b=2" in shown.text


def test_every_link_names_message_link_and_position(tmp_path: Path) -> None:
    """What stands in HTML and text reads back: one's link in position 2, first's in 1, the frame's in 0."""
    content = compile_campaign(write(tmp_path))
    _, text, html = read(press(content).compose(ada(), {STORY: (VariantId("three"), VariantId("one"))}))
    links = {link.link_id: link for link in content.links}
    for body in (text, html):
        clicks = [Signer(KEYS).read_click(token) for token in re.findall(r"https://links\.shop\.example/c/([\w-]+)", body)]
        assert [(links[click.link_id].variant, click.position, click.url) for click in clicks] == [
            *(("first", 1, None), ("one", 2, None), (None, 0, None))
        ]
        assert {click.message_id for click in clicks} == {message_id_of(send_of(content).send_id, RecipientId("r1"))}


def test_the_same_block_in_another_position_has_other_links(tmp_path: Path) -> None:
    """A click tells in which position the block was."""
    composer = press(compile_campaign(write(tmp_path)))
    one = VariantId("one")
    slates = [{STORY: (one, VariantId("two"))}, {STORY: (VariantId("two"), one)}]
    assert len({re.findall(r"One <a href=\"([^\"]+)\"", read(composer.compose(ada(), slate))[2])[0] for slate in slates}) == 2


@pytest.mark.parametrize("hero", ["Go {{ recipient.first_name }}", "Go"])
def test_an_address_of_the_recipients_own_is_signed_into_the_link(tmp_path: Path, hero: str) -> None:
    """Rendered, unescaped and read back, in blocks that are personal otherwise and in those that are not."""
    own = '<a href="https://shop.example/{{ recipient.first_name | urlencode }}?a=1&amp;b={{ send.year }}">x</a>'
    content = compile_campaign(with_file(tmp_path, "hero/first.mjml", block(hero + own, default="true")))
    _, text, html = read(press(content).compose(ada(first_name="Zoë & Co"), {}))
    for body in (text, html):
        click = Signer(KEYS).read_click(re.findall(r"/c/([\w-]+)", body)[0])
        assert click.url == "https://shop.example/Zo%C3%AB%20%26%20Co?a=1&b=2026"


def test_an_address_that_all_share_but_the_year_is_signed_too(tmp_path: Path) -> None:
    """Jinja that is the same for everyone is printed once, and still signed for each message."""
    content = compile_campaign(
        with_file(tmp_path, "hero/first.mjml", block('<a href="https://a.example/{{ send.year }}">x</a>', default="true"))
    )
    _, text, html = read(press(content).compose(ada(), {}))
    assert [Signer(KEYS).read_click(re.findall(r"/c/([\w-]+)", body)[0]).url for body in (text, html)] == ["https://a.example/2026"] * 2


@pytest.mark.parametrize("value", ["javascript:alert(1)//", "https://a.example/ b", 'https://a.example/"><script>', "x" * 3000])
def test_a_recipients_data_cannot_bring_another_kind_of_link(tmp_path: Path, value: str) -> None:
    """An address that is not one of the web makes the letter unprintable, without being told."""
    own = block('<a href="{{ recipient.page }}">x</a>', default="true")
    composer = press(compile_campaign(with_file(tmp_path, "hero/first.mjml", own)))
    with pytest.raises(RenderError, match=r"news/hero/first\.mjml: a link's address is not a web address") as caught:
        composer.compose(ada(page=value), {})
    assert value not in str(caught.value)


def test_hostile_values_are_printed_as_text(tmp_path: Path) -> None:
    """HTML and Jinja in an attribute are seen as such by the reader, in HTML, text and subject."""
    composer = press(compile_campaign(write(tmp_path)))
    subject, text, html = read(composer.compose(ada(first_name=HOSTILE), {SUBJECT: (VariantId("named"),), **SECOND}))
    assert subject == f"{HOSTILE}, news for you"
    assert f"Second for {HOSTILE}" in text
    assert "<script>" not in html
    assert "Second for &lt;script&gt;alert(1)&lt;/script&gt;{{ 7 * 7 }}{% for x in [1] %}&amp;&#34;&#39;" in html


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.text(min_size=1, max_size=60))
def test_any_value_reaches_the_reader_whole(name: str) -> None:
    """Whatever characters a name has, subject and text show it, and no other header appears."""
    recipient = Recipient(RecipientId("r"), "a@b.example", attributes={"first_name": name, "orders": 3.0})
    letter = _starter().compose(recipient, {PlacementId("weekly.subject"): (VariantId("by-name"),)})
    subject, text, _ = read(letter)
    expected = name.encode("utf-8", "replace").decode()
    assert subject == one_line(f"{expected}, twelve books for long evenings")
    if name.isprintable() and name.strip() == name:
        assert f"Good morning, {expected}." in text


_made: list[Composer] = []


def _starter() -> Composer:
    """The starter campaign's composer, made once."""
    if not _made:
        _made.append(press(compile_campaign(STARTER)))
    return _made[0]


def test_every_variant_of_the_starter_prints_for_someone_known_and_someone_unknown() -> None:
    """No block depends on an attribute that may be empty, but those that ask for it in `where`."""
    composer = _starter()
    known: dict[str, str | float | bool | None] = {
        "first_name": "Ada",
        "orders": 7.0,
        "tier": "gold",
        "country": "DE",
        "favourite": "books",
        "spend": 100.0,
    }
    for one in composer._content.variants:
        chosen = {one.placement: (one.variant,)}
        assert composer.compose(ada(**known), chosen).mime
        if one.where is None:
            assert composer.compose(Recipient(RecipientId("r2"), "b@example.org"), chosen).mime


def test_a_letter_of_the_starter_is_small_enough() -> None:
    """HTML stays far below the 95 kB at which Gmail begins to clip, and within what a plain part should be."""
    shown = _starter().preview(ada(), {})
    assert len(shown.html.encode()) < 60_000
    assert shown.text.count("\n\n\n") == 0


def test_an_empty_column_makes_one_letter_unprintable_and_says_which(tmp_path: Path) -> None:
    """The error names file, column and remedy; the value is nobody's business."""
    composer = press(compile_campaign(write(tmp_path)))
    with pytest.raises(RenderError) as caught:
        composer.compose(Recipient(RecipientId("r2"), "b@example.org"), SECOND)
    assert str(caught.value).startswith("news/hero/second.mjml: recipient.first_name is empty (write {{ … | default('…') }}")


def test_an_address_that_could_be_two_is_not_printed(tmp_path: Path) -> None:
    """CR and LF in an address make the letter unprintable."""
    composer = press(compile_campaign(write(tmp_path)))
    with pytest.raises(RenderError, match="address"):
        composer.compose(Recipient(RecipientId("r2"), "b@example.org\r\nBcc: c@example.org"), {})


def test_a_letter_is_printed_again_after_the_key_was_changed(tmp_path: Path) -> None:
    """The send's own key signs, whichever is current; without it nothing is printed wrongly."""
    content = compile_campaign(write(tmp_path))
    send = send_of(content, key_id="k0")
    before = Composer(content, send, Signer({"k0": KEYS["k0"]})).compose(ada(), {})
    assert Composer(content, send, Signer(KEYS, "k1")).compose(ada(), {}) == before


def test_recipients_with_the_same_variants_share_a_body(tmp_path: Path) -> None:
    """The hash is that of the combination: not of the recipient, not of how defaults were named."""
    composer = press(compile_campaign(write(tmp_path)))
    ben = Recipient(RecipientId("r9"), "ben@example.org")
    default = {STORY: (VariantId("one"), VariantId("two"))}
    assert composer.compose(ada(), {}).body_hash == composer.compose(ben, default).body_hash
    assert composer.compose(ada(), {}).body_hash != composer.compose(ada(), SECOND).body_hash


def test_fewer_variants_than_positions_print_fewer_blocks(tmp_path: Path) -> None:
    """A recipient who is eligible for one story gets one."""
    _, text, _ = read(press(compile_campaign(write(tmp_path))).compose(ada(), {STORY: (VariantId("three"),)}))
    assert [word for word in ("One", "Two", "Three") if word in text] == ["Three"]


def test_a_variant_that_is_not_in_the_content_is_refused(tmp_path: Path) -> None:
    """A decision for another version does not print something else instead."""
    composer = press(compile_campaign(write(tmp_path)))
    for name in ("gone", "plain", "one"):  # the last two are variants of other placements
        with pytest.raises(RenderError, match=rf"news\.hero has no variant '{name}'"):
            composer.compose(ada(), {HERO: (VariantId(name),)})


def test_more_variants_than_positions_are_refused(tmp_path: Path) -> None:
    """A slate that was decided for another layout is not cut short in silence."""
    with pytest.raises(RenderError, match=r"news\.hero has 1 positions, not 2"):
        press(compile_campaign(write(tmp_path))).compose(ada(), {HERO: (VariantId("first"), VariantId("second"))})


def test_a_subject_is_one_line_whatever_is_printed_into_it(tmp_path: Path) -> None:
    """Control characters and newlines become blanks, in subject and preheader."""
    named = variant("Dear {{ recipient.first_name }}\n", default="true", preheader="For {{ recipient.first_name }}")
    composer = press(compile_campaign(write(tmp_path, subject__plain_DOT_txt=named)))
    shown = composer.preview(ada(first_name="A\r\nBcc: x\x00y"), {})
    assert (shown.subject, shown.preheader) == ("Dear A Bcc: x y", "For A Bcc: x y")
