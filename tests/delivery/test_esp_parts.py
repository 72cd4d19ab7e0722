"""Letters taken apart: the exact inverse of printing them."""

from dataclasses import replace

from hypothesis import example, given
from hypothesis import strategies as st

from delivery.esp.parts import mailbox, parts_of
from delivery.mime import one_line
from domain.campaign import Sender
from tests.delivery.letters import letter
from tests.delivery.sheets import MESSAGE, filled
from tests.delivery.test_mime import SEND, campaign, normal


def printed(
    subject: str = "S", text: str = "t", html: str = "h", name: str = "The shop", *, title: str = "T", reply: str | None = None
) -> bytes:
    """A whole letter's bytes."""
    of = replace(campaign(title=title), sender=Sender(name, "news@shop.example", reply))
    return filled(of, SEND, subject, text=[text], html=[html])


@given(st.text(max_size=200), st.text(max_size=2_000), st.text(max_size=2_000), st.text(max_size=120))
@example("=?utf-8?q?not_an_encoded_word?=", ".\n--=_lp_\nFrom x\n \n\t\n", "a" * 500 + " \n=3D\n", 'The "shop" \\ <x@y>')
@example("ü" * 100, "\ud800", "\x00\x7f\x85\u2028", "Zoë, the «shop»")
def test_what_was_printed_is_taken_apart(subject: str, text: str, html: str, name: str) -> None:
    """Subject, text, HTML and the sender's name come back exactly, whatever characters they have."""
    parts = parts_of(letter(1, mime=printed(subject, text, html, name)))
    assert parts.subject == normal(one_line(subject))
    assert (parts.text, parts.html) == (normal(text), normal(html))
    assert (parts.from_name, parts.from_address) == (normal(one_line(name)), "news@shop.example")


def test_the_headers_that_travel_are_those_of_bulk_mail() -> None:
    """List-Unsubscribe and its Post, List-Id, Feedback-ID and Message-ID are kept; those with a field of their own are not."""
    parts = parts_of(letter(1, mime=printed(title="Ünïcode " * 20, reply="care@shop.example")))
    headers = dict(parts.headers)
    assert list(headers) == ["Message-ID", "List-Unsubscribe", "List-Id", "List-Unsubscribe-Post", "Feedback-ID"]
    assert headers["List-Unsubscribe"] == "<https://l.example/u/token>"
    assert headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert headers["Message-ID"] == f"<{MESSAGE}@shop.example>"
    assert headers["List-Id"].endswith("<news.shop.example>")
    assert all("\n" not in value and "\r" not in value for value in headers.values())
    assert parts.reply_to == "care@shop.example"
    assert "Message-ID" not in parts.without("message-id")


def test_the_recipient_is_the_one_the_letter_is_for() -> None:
    """The address comes from the letter and not from its To header."""
    assert parts_of(letter(1, address="eve@example.org", mime=printed())).to == "eve@example.org"


def test_a_letter_of_one_part_is_text() -> None:
    """Without parts, all of the body is text and there is no HTML."""
    parts = parts_of(letter(7))
    assert (parts.subject, parts.text, parts.html) == ("Number 7", "Hello.\n", "")
    assert parts.sender == "news@shop.example"


@given(st.binary(max_size=600))
@example(b'Content-Type: multipart/alternative; boundary="x"\r\n\r\n--x\r\n--x--')
@example(b"Subject: =?utf-8?b?A?= =?utf-8?b?=?=\r\nFrom: <>\r\n\r\n=ZZ=")
def test_any_bytes_have_parts(mime: bytes) -> None:
    """Nothing makes it fail, and what comes out can be written as UTF-8."""
    parts = parts_of(letter(1, mime=mime))
    assert "".join((parts.subject, parts.text, parts.html, parts.sender)).encode()


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_a_name_cannot_become_another_mailbox(name: str) -> None:
    """Quotes, backslashes and brackets in a display name stay inside its quotes."""
    quoted_name, _, rest = mailbox(name, "a@b.example").rpartition(" ")
    assert rest == "<a@b.example>"
    assert quoted_name[1:-1].replace("\\\\", "").replace('\\"', "").count('"') == 0
