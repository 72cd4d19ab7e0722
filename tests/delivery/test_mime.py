"""Letters' bytes, read back with the standard library."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from typing import cast

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from delivery.addresses import address_fault
from delivery.mime import RenderError, checked_address, one_line
from domain.campaign import Campaign, Placement, Sender
from domain.ids import CampaignId, ContentVersion, PlacementId, SendId
from domain.send import Send
from tests.delivery.campaigns import AT
from tests.delivery.sheets import MESSAGE, filled

SEND = Send(SendId("news-1"), CampaignId("news"), AT, AT, ContentVersion("c"), None, 1, "folder", "https://l.example", "k1")


def campaign(name: str = "The shop", title: str = "The news", reply_to: str | None = None, topic: str | None = None) -> Campaign:
    """A campaign with this sender."""
    placements = (Placement(PlacementId("news.subject"), "subject"),)
    return Campaign(CampaignId("news"), title, Sender(name, "news@shop.example", reply_to), "1 High St", "TRUE", placements, topic=topic)


def letter(subject: str = "S", text: str = "t", html: str = "h", of: Campaign | None = None, address: str = "ada@example.org") -> bytes:
    """A whole message."""
    return filled(of or campaign(), SEND, subject, text=[text], html=[html], address=address)


def read(raw: bytes) -> EmailMessage:
    """As a receiving program reads it."""
    return message_from_bytes(raw, policy=SMTP)


def normal(text: str) -> str:
    """What a body keeps of a text: CRLF, CR and LF are all a new line, and half characters become question marks."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode()


def part(message: EmailMessage, kind: str) -> str:
    """A part's content with plain newlines."""
    found = message.get_body((kind,))
    assert found is not None
    return cast(str, found.get_payload(decode=True).decode("utf-8")).replace("\r\n", "\n")  # type: ignore[union-attr]


@given(st.text(max_size=200), st.text(max_size=2_000), st.text(max_size=2_000))
@example("=?utf-8?q?not_an_encoded_word?=", ".\n..\nFrom x\n \n\t\n", "a" * 500 + " \n=3D\n")
@example("ü" * 100, "\ud800", "\x00\x7f\x85\u2028")
def test_what_is_printed_is_what_is_read(subject: str, text: str, html: str) -> None:
    """Subject, text and HTML come back from the standard parser, whatever characters they have."""
    message = read(letter(subject, text, html))
    assert message["Subject"] == normal(one_line(subject))
    assert (part(message, "plain"), part(message, "html")) == (normal(text), normal(html))


@given(st.lists(st.text(max_size=80), max_size=6))
def test_pieces_encoded_apart_read_as_one_text(pieces: list[str]) -> None:
    """A body joined from encoded pieces is the body of the joined texts."""
    pieces = [piece.replace("\r", "") for piece in pieces]
    raw = filled(campaign(), SEND, "S", text=pieces, html=["x"])
    assert part(read(raw), "plain") == normal("".join(pieces))


@given(st.text(max_size=400), st.text(min_size=1, max_size=60), st.text(max_size=500))
def test_no_line_is_too_long_and_no_byte_is_raw(subject: str, name: str, html: str) -> None:
    """Lines end in CRLF and have at most 998 characters of ASCII; 76 in the body."""
    raw = letter(subject, "t", html, campaign(name=name))
    assert raw.isascii()
    assert b"\n" not in raw.replace(b"\r\n", b"")
    assert b"\r" not in raw.replace(b"\r\n", b"")
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=80))
def test_no_text_makes_a_header_of_its_own(subject: str, name: str, title: str) -> None:
    """Whatever is in a subject, a name or a title, the letter has the headers it always has."""
    message = read(letter(subject + "\r\nBcc: x@y.example", of=campaign(name + "\nX-Evil: 1", title + "\r\n\r\nbody")))
    assert message.keys() == read(letter()).keys()


def test_the_headers_that_bulk_senders_owe() -> None:
    """RFC 8058, RFC 2919, RFC 5322 and Gmail's Feedback-ID, from the send alone."""
    message = read(letter(of=campaign(reply_to="hello@shop.example", topic="big news!")))
    assert {name: str(message[name]) for name in message if name not in ("Content-Type", "Subject")} == {
        "From": "The shop <news@shop.example>",
        "Reply-To": "hello@shop.example",
        "To": "ada@example.org",
        "Message-ID": f"<{MESSAGE}@shop.example>",
        "Date": "Mon, 23 Nov 2026 09:00:00 +0000",
        "List-Id": '"The news" <news.shop.example>',
        "List-Unsubscribe": "<https://l.example/u/token>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "Feedback-ID": "news-1:news:big-news-:shopexample",
        "MIME-Version": "1.0",
    }
    assert message.get_content_type() == "multipart/alternative"
    assert [p.get_content_type() for p in message.iter_parts()] == ["text/plain", "text/html"]


@pytest.mark.parametrize("name", ['A "quoted" \\ name', "Bücher & Söhne", "comma, dot.", "=?x?=", "名前" * 7])
def test_sender_names_are_read_as_they_are_written(name: str) -> None:
    """Quotes, commas, other scripts."""
    assert read(letter(of=campaign(name=name)))["From"].addresses[0].display_name == name


@pytest.mark.parametrize(
    "address",
    [
        *("a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "a b@c.example", "<a@b.example>", "nobody", "@b.example"),
        *("a@@b.example", "a@b..example", "ä@b.example", "a@bücher.example", '"a"@b.example', "a@-b.example", "a" * 65 + "@b.example"),
    ],
)
def test_an_address_that_could_be_read_otherwise_is_not_written_to(address: str) -> None:
    """It is refused without being told."""
    with pytest.raises(RenderError) as caught:
        checked_address(address)
    assert address not in str(caught.value)


@pytest.mark.parametrize("address", ["a@b.example", "a+b.c_d'e@sub.b-c.example", "root@localhost", "a@xn--bcher-kva.example"])
def test_ordinary_addresses_are_written_to(address: str) -> None:
    """Plus-tags, dots, host names, international domains in their ASCII form."""
    assert address_fault(address) is None


def test_the_same_letter_has_the_same_bytes() -> None:
    """Nothing depends on the moment or on chance."""
    assert letter("Ünïcode", "text", "<p>html</p>") == letter("Ünïcode", "text", "<p>html</p>")
