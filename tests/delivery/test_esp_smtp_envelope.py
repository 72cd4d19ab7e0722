"""What is said to a relay about a letter."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.esp.smtp_envelope import Extensions, Unsendable, body_of, commands_of
from tests.delivery.letters import letter

ALL = Extensions(size=0, eight_bit=True, utf8=True, tells_size=True)


@given(st.lists(st.binary(max_size=40).map(lambda line: line.translate(None, b"\r\n")), min_size=1, max_size=20))
def test_a_relay_reads_back_the_letter(lines: list[bytes]) -> None:
    """Un-stuffing as RFC 5321 §4.5.2 tells the relay to gives the letter's exact bytes, and no line is the final dot."""
    mime = b"\r\n".join(lines) + b"\r\n"
    travelling = body_of(mime)
    assert b"\r\n.\r\n" not in b"\r\n" + travelling
    assert b"\r\n".join(line.removeprefix(b".") for line in travelling.split(b"\r\n")) == mime


def test_a_letter_without_a_last_line_end_gets_one() -> None:
    """The final dot must begin a line."""
    assert body_of(b"Subject: x\r\n\r\nend") == b"Subject: x\r\n\r\nend\r\n"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@b@c",
        "a b@c.example",
        "a@c.example\r\nRCPT TO:<b@c.example>",
        "a@c.example>",
        "a\x00@c.example",
        "a@c.example\n",
        "@c",
        "a@",
    ],
)
def test_an_address_that_could_be_a_command_is_never_said(address: str) -> None:
    """Line ends, brackets, spaces and NULs in an address stop the letter, whichever side they are on."""
    for harmful in (letter(1, address=address), letter(1, sender=address)):
        with pytest.raises(Unsendable):
            commands_of(harmful, ALL)


@given(st.text(), st.text())
def test_commands_are_always_one_line_each(sender: str, address: str) -> None:
    """No text in an address makes a second command."""
    try:
        commands = commands_of(letter(1, sender=sender, address=address or "x"), ALL)
    except Unsendable:
        return
    assert all(command.count("<") <= 1 and "\r" not in command and "\n" not in command for command in commands)


@pytest.mark.parametrize("mime", [b"Subject: x\n\nend\r\n", b"Subject: x\r\n\r\n\n.\nMAIL FROM:<a@b>\r\n", b"x\r\r\n", b"a\rb\r\n"])
def test_bare_line_ends_are_not_sent(mime: bytes) -> None:
    """A relay could take a bare line end followed by a dot for the end of the letter."""
    with pytest.raises(Unsendable, match="CRLF"):
        commands_of(letter(1, mime=mime), ALL)


def test_what_the_relay_does_not_offer_is_not_asked_of_it() -> None:
    """Size, 8-bit bytes and international addresses go out only where the relay said that it takes them."""
    plain = Extensions()
    assert commands_of(letter(1), plain)[0] == "MAIL FROM:<news@shop.example>"
    for harmful in (letter(1, mime="Grüße\r\n".encode()), letter(1, address="grüße@example.org")):
        with pytest.raises(Unsendable):
            commands_of(harmful, plain)
    with pytest.raises(Unsendable, match="larger"):
        commands_of(letter(1), Extensions(size=10, tells_size=True))


def test_international_addresses_are_said_as_the_relay_understands_them() -> None:
    """A domain goes in its ASCII form; a local part as it is, with SMTPUTF8."""
    assert commands_of(letter(1, address="a@bücher.example"), ALL)[1] == "RCPT TO:<a@xn--bcher-kva.example>"
    mail, recipient, _ = commands_of(letter(1, address="grüße@example.org", mime="ü\r\n".encode()), ALL)
    assert recipient == "RCPT TO:<grüße@example.org>"
    assert mail == "MAIL FROM:<news@shop.example> SIZE=4 BODY=8BITMIME SMTPUTF8"
