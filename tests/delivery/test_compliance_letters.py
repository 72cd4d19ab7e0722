"""What sample letters are held against: headers, what they owe their reader, size, subjects, pictures."""

from dataclasses import replace
from pathlib import Path

import pytest

from delivery.compliance import body, headers, size
from delivery.compliance.images import image_alt
from delivery.compliance.inspection import Inspection, sample_of
from delivery.compliance.report import Level
from delivery.compliance.subject import subject
from domain.message import Letter
from tests.delivery.campaigns import LETTER, block, variant
from tests.delivery.compliance_cases import PEOPLE, REAL, found, inspected, levels, places
from tests.delivery.letters import letter

FOOTER = '<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ campaign.postal_address }}'
MIME = (
    "From: <news@fernhaus.de>\r\nTo: <r1@mail.example>\r\nSubject: News\r\nDate: Mon, 23 Nov 2026 09:00:00 +0000\r\n"
    "Message-ID: <1@fernhaus.de>\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\nList-Id: <news.fernhaus.de>\r\n"
    "List-Unsubscribe: <https://letters.fernhaus.de/u/x>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n\r\nHello.\r\n"
)


def with_letter(seen: Inspection, mime: str) -> Inspection:
    """The inspection with one sample, of these bytes."""
    made: Letter = letter(1, mime=mime.encode())
    one = seen.samples[0]
    return replace(seen, samples=(sample_of(one.recipient, one.slate, made, one.preview),))


def test_a_printed_letter_has_all_that_is_asked_for(tmp_path: Path) -> None:
    """Nothing of the small campaign is found fault with but what it lacks: words, and a second preheader."""
    seen = inspected(tmp_path)
    for check in (
        *(headers.headers, headers.header_lines, headers.one_click),
        *(body.unsubscribe_link, body.postal_address, body.plain_text, body.image_only, body.active_content, body.printable),
        *(subject, image_alt),
    ):
        assert found(check, seen) == []
    assert found(body.preheader, seen) == [("warn", "the subject named has no preheader")]
    assert places(body.preheader, seen) == ["news/subject/named.txt:1"]


@pytest.mark.parametrize(
    ("line", "instead", "said"),
    [
        ("Date: Mon, 23 Nov 2026 09:00:00 +0000\r\n", "", "Date is missing"),
        ("Date: Mon, 23 Nov 2026 09:00:00 +0000", "Date: yesterday", "Date cannot be read"),
        ("From: <news@fernhaus.de>\r\n", "From: <news@fernhaus.de>\r\nfrom: <b@fernhaus.de>\r\n", "From is there 2 times"),
        ("From: <news@fernhaus.de>", "From: <news@fernhaus.de>, <b@fernhaus.de>", "From names more than one mailbox"),
        ("Message-ID: <1@fernhaus.de>", "Message-ID: 1", "Message-ID cannot be read"),
        ("List-Id: <news.fernhaus.de>", "List-Id: news", "List-Id cannot be read"),
    ],
)
def test_headers_that_are_wrong_are_named(tmp_path: Path, line: str, instead: str, said: str) -> None:
    """Each with how many letters have it."""
    assert found(headers.headers, with_letter(inspected(tmp_path), MIME)) == []
    broken = with_letter(inspected(tmp_path), MIME.replace(line, instead))
    assert ("stop", f"{said} (1 of 1 sample letters)") in found(headers.headers, broken)


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("List-Unsubscribe-Post: List-Unsubscribe=One-Click", "List-Unsubscribe-Post: yes"),
        ("<https://letters.fernhaus.de/u/x>", "<mailto:leave@fernhaus.de>"),
        ("List-Unsubscribe: ", "X-Unsubscribe: "),
    ],
)
def test_one_click_takes_an_address_to_post_to_and_the_second_header(tmp_path: Path, line: str, instead: str) -> None:
    """Either missing stops the send."""
    assert levels(headers.one_click, with_letter(inspected(tmp_path), MIME)) == []
    assert levels(headers.one_click, with_letter(inspected(tmp_path), MIME.replace(line, instead))) == [Level.STOP]


def test_a_line_of_999_characters_stops_the_send(tmp_path: Path) -> None:
    """998 go."""
    for length, expected in ((998, []), (999, [Level.STOP])):
        assert levels(headers.header_lines, with_letter(inspected(tmp_path), MIME + "x" * length)) == expected


@pytest.mark.parametrize(
    "footer",
    [
        '<span style="display:none">' + FOOTER + "</span>",
        '<span style="font-size:0">' + FOOTER + "</span>",
        '<div hidden="hidden">' + FOOTER + "</div>",
        "{% if recipient.first_name == 'Zoe' %}" + FOOTER + "{% endif %}",
    ],
    ids=["display", "size", "hidden", "condition"],
)
def test_a_way_out_that_nobody_sees_stops_the_send(tmp_path: Path, footer: str) -> None:
    """Being in the source is not enough: hidden, or printed for nobody, it is not there."""
    shown = LETTER.replace('<a href="{{ unsubscribe_url }}">Unsubscribe</a> {{ campaign.postal_address }}', footer)
    seen = inspected(tmp_path, letter_DOT_mjml=shown)
    assert ("stop", f"no unsubscribe link can be seen in the HTML ({seen.share(len(seen.samples))})") in found(body.unsubscribe_link, seen)
    assert Level.STOP in levels(body.postal_address, seen)


def test_an_unsubscribe_picture_needs_words(tmp_path: Path) -> None:
    """A link around a picture counts by its alt text."""
    for alt, expected in (("Unsubscribe", []), ("", [Level.STOP])):
        image = f'<img src="https://fernhaus.de/u.png" alt="{alt}">'
        seen = inspected(tmp_path, letter_DOT_mjml=LETTER.replace(">Unsubscribe</a>", f">{image}</a>"))
        assert levels(body.unsubscribe_link, seen) == expected


def test_a_postal_address_is_found_across_lines(tmp_path: Path) -> None:
    """As the campaign breaks it."""
    broken = REAL.replace("1 High Street, Town", "|\n  1 High Street\n  Town & Country")
    assert found(body.postal_address, inspected(tmp_path, campaign_DOT_yaml=broken)) == []


def test_plain_text_has_to_say_what_the_html_says(tmp_path: Path) -> None:
    """None is a STOP, next to none a WARN."""
    seen = inspected(tmp_path)
    one = seen.samples[0]
    for text, expected in (
        ("", [Level.STOP]),
        ("https://fernhaus.de/view", [Level.STOP]),
        ("See HTML", [Level.WARN]),
        (one.parts.text, []),
    ):
        changed = replace(seen, samples=(replace(one, parts=replace(one.parts, text=text)),))
        assert levels(body.plain_text, changed) == expected


def test_a_letter_of_one_picture_is_warned_of(tmp_path: Path) -> None:
    """Few words beside pictures; without pictures few words are fine."""
    picture = variant(
        '<mj-section><mj-column><mj-image src="https://fernhaus.de/a.png" alt="Sale" /></mj-column></mj-section>', default="true"
    )
    assert levels(body.image_only, inspected(tmp_path, hero__first_DOT_mjml=picture)) == [Level.WARN]


def test_what_mail_programs_cut_out_is_named_with_its_place(tmp_path: Path) -> None:
    """A form in a block."""
    seen = inspected(tmp_path, hero__second_DOT_mjml=block('<form action="https://fernhaus.de"><input name="q"></form>'))
    assert [words.partition(" (")[0] for _, words in found(body.active_content, seen)] == ["<form> does not work in mail programs"]
    assert places(body.active_content, seen) == ["news/hero/second.mjml:4"]


def test_letters_that_cannot_be_printed_are_counted_by_reason(tmp_path: Path) -> None:
    """One in many is a WARN, most of them a STOP; without any letter the other checks have nothing to look at."""
    nameless = replace(PEOPLE[0], attributes={})
    named = block("{{ recipient.first_name }}", default="true")
    some = inspected(tmp_path, people=(*PEOPLE, nameless), hero__first_DOT_mjml=named)
    assert {(level, "first_name" in said) for level, said in found(body.printable, some)} == {("warn", True)}
    none = inspected(tmp_path, people=(nameless,), hero__first_DOT_mjml=named)
    assert set(levels(body.printable, none)) == {Level.STOP} and not none.samples


def test_the_largest_letter_counts_and_so_does_the_worst_that_may_come(tmp_path: Path) -> None:
    """95 kB of HTML stop the send; variants that would make as much together are a WARN."""
    seen = inspected(tmp_path)
    [(level, _)] = found(size.html_size, seen)
    assert level == "pass"
    large = block("x" * 95_000, default="true")
    assert levels(size.html_size, inspected(tmp_path, hero__first_DOT_mjml=large)) == [Level.STOP]


def test_the_estimate_is_near_to_the_letter_with_the_largest_variants(tmp_path: Path) -> None:
    """It is never below what the sample shows, and within a tenth of the worst letter that can be printed."""
    seen = inspected(tmp_path, hero__second_DOT_mjml=block("x" * 20_000), story__three_DOT_mjml=block("y" * 10_000))
    largest = max(sample.html_bytes for sample in seen.samples)
    assert largest <= size.worst_case(seen) < largest * 1.1


def test_variants_that_are_too_large_together_are_warned_of(tmp_path: Path) -> None:
    """Even if nobody in the sample gets them together."""
    seen = inspected(tmp_path, hero__second_DOT_mjml=block("x" * 45_000), story__three_DOT_mjml=block("y" * 45_000))
    heavy = ("second", "three")
    apart = [s for s in seen.samples if not all(any(v in chosen for chosen in s.slate.values()) for v in heavy)]
    assert levels(size.html_size, replace(seen, samples=tuple(apart))) == [Level.WARN]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("FORTY PERCENT OFF TODAY", "is in capitals"),
        ("Sale!!", "shouts (!!)"),
        ("Re: your order", "looks like an answer (Re:) and is none"),
        ("word " * 20, "has more than 90 characters"),
        ("{% if recipient.first_name == 'Ann' %}News{% endif %}", "is empty"),
    ],
)
def test_subjects_that_look_like_spam_are_named(tmp_path: Path, line: str, said: str) -> None:
    """With the file they stand in."""
    seen = inspected(tmp_path, subject__plain_DOT_txt=variant(f"{line}\n", default="true", preheader="What is new"))
    [(_, words)] = found(subject, seen)
    assert words.startswith(f"the subject plain {said} (")
    assert places(subject, seen) == ["news/subject/plain.txt:6"]


@pytest.mark.parametrize("line", ["News from the shop", "50 % off", "UPS and DHL", "Renewal: what changes", "Was ist neu?", "AGB neu"])
def test_plain_subjects_are_left_alone(tmp_path: Path, line: str) -> None:
    """Short capitals, prices and words that begin like `Re`."""
    assert found(subject, inspected(tmp_path, subject__plain_DOT_txt=variant(f"{line}\n", default="true", preheader="New"))) == []


def test_pictures_without_words_are_named_with_their_lines(tmp_path: Path) -> None:
    """In MJML and HTML; an empty alt text is a decision, a comment no picture, and a `>` in a value no end."""
    lines = (
        '<mj-image src="https://fernhaus.de/a.png" href="https://fernhaus.de/?a>b" />',
        '<mj-image src="https://fernhaus.de/b.png" alt="" />',
        '<!-- <mj-image src="https://fernhaus.de/c.png" /> -->',
        '<mj-text>Words <img src="https://fernhaus.de/d.png"></mj-text>',
    )
    text = variant("<mj-section><mj-column>\n" + "\n".join(lines) + "\n</mj-column></mj-section>")
    assert places(image_alt, inspected(tmp_path, hero__second_DOT_mjml=text)) == ["news/hero/second.mjml:5", "news/hero/second.mjml:8"]
