"""The simulated ESP: its SMTP side, spoken to by the standard library's client."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator.esp.handle import SimulatedEsp
from tests.simulator.esp_calls import SENDER, address, name


def _letter(number: int) -> bytes:
    return f"Subject: Number {number}\r\nMessage-ID: <{name(number)}@shop.example>\r\n\r\nHello.\r\n.a dot\r\n..two\r\n".encode()


@contextmanager
def _client(esp: SimulatedEsp) -> Iterator[smtplib.SMTP]:
    host, _, port = str(esp.smtp_url).removeprefix("smtp://").partition(":")
    client = smtplib.SMTP(host, int(port), timeout=10)
    try:
        yield client
    finally:
        client.close()


def test_takes_letters(esp: SimulatedEsp) -> None:
    """Letters arrive to the byte, dots and all, several over one connection, under the id of their Message-ID."""
    with _client(esp) as client:
        for number in (1, 2):
            assert client.sendmail(SENDER, [address(number)], _letter(number)) == {}
    held = esp.messages(provider="smtp")
    assert [(one.message_id, one.recipient, one.mime) for one in held] == [(name(n), address(n), _letter(n)) for n in (1, 2)]
    assert (esp.counts("smtp").calls, esp.counts("smtp").duplicates) == (2, 0)


def test_large_letters(esp: SimulatedEsp) -> None:
    """A letter of megabytes arrives to the byte."""
    large = _letter(1) + b"." + b"x" * 70 + (b"\r\n." + b"y" * 70) * 50_000 + b"\r\n"
    with _client(esp) as client:
        client.sendmail(SENDER, [address(1)], large)
    assert esp.messages(provider="smtp")[0].mime == large


def test_starttls_and_login(esp: SimulatedEsp) -> None:
    """After STARTTLS with its own certificate any user is let in by any password that was not revoked, and is the account."""
    context = ssl.create_default_context(cafile=esp.certificate)
    with _client(esp) as client:
        client.starttls(context=context)
        with pytest.raises(smtplib.SMTPAuthenticationError):
            client.login("ada", "revoked")
        client.login("ada", "secret")
        client.sendmail(SENDER, [address(1)], _letter(1))
    with _client(esp) as client:
        client.sendmail(SENDER, [address(1)], _letter(1))
    accounts = [one.account for one in esp.messages(provider="smtp")]
    assert (accounts[0] != accounts[1], accounts[1]) == (True, "anonymous")


@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_both_kinds_of_login(esp: SimulatedEsp, mechanism: str) -> None:
    """AUTH PLAIN and AUTH LOGIN are understood, with the first answer given at once or asked for."""
    for at_once in (True, False):
        with _client(esp) as client:
            client.ehlo()
            client.user, client.password = "ada", "secret"
            method = getattr(client, f"auth_{mechanism.lower()}")
            assert client.auth(mechanism, method, initial_response_ok=at_once)[0] == 235


@pytest.mark.parametrize(
    ("fault", "code", "taken"),
    [
        ("throttle", 450, 0),
        ("partial", 550, 0),
        ("partial_throttle", 452, 0),
        ("denied", 550, 0),
        ("before", 451, 0),
        ("cut_reading", None, 0),
        ("cut_before", None, 0),
        ("cut_after", None, 1),
        ("after", None, 1),
        ("late", 250, 1),
    ],
)
def test_faults(esp: SimulatedEsp, fault: str, code: int | None, taken: int) -> None:
    """Each fault answers with its code or breaks the line, and leaves the letter taken or not; the next letter goes through."""
    esp.set_faults(f"smtp#1={fault},late_seconds=.05")
    assert _answer(esp, 1) == code
    assert len(esp.accepted("smtp")) == taken
    assert esp.faults_that_happened("smtp") == {fault: 1}
    assert _answer(esp, 2) == 250


def _answer(esp: SimulatedEsp, number: int) -> int | None:
    """The code of the first answer that is no yes, else the last one's; None if the line broke."""
    with _client(esp) as client:
        try:
            client.ehlo()
            for code, _ in (client.mail(SENDER), client.rcpt(address(number))):
                if code >= 400:
                    return code
            return client.data(_letter(number) + b"x" * 10_000 + b"\r\n")[0]
        except (smtplib.SMTPServerDisconnected, OSError):
            return None


def test_out_of_turn(esp: SimulatedEsp) -> None:
    """Commands out of turn, unknown ones and those that cannot be read are refused, and the line goes on."""
    with _client(esp) as client:
        lines = ("RCPT TO:<a@example.org>", "DATA", "MAIL FROM", "HUH", "AUTH PLAIN !!", "AUTH X", "NOOP")
        codes = [client.docmd(line)[0] for line in lines]
        assert codes == [503, 554, 501, 500, 501, 504, 250]
        assert client.sendmail(SENDER, [address(1)], _letter(1)) == {}
