"""Hand-off to a real SMTP server on loopback, well-behaved and not."""

import datetime
import ipaddress
import socket
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from delivery.answers import Accepted, Answer, Cause, Rejected, Retry, Unknown
from delivery.esp import build_esp
from domain.errors import InputError, UnavailableError
from tests.delivery.letters import letter, letters
from tests.delivery.relay import Relay, only, serving

PASSWORD = "s3same"


def answers(url: str, count: int = 3) -> list[Answer]:
    """What the ESP at this address says to letters r0, r1, …"""
    esp = build_esp(url)
    try:
        return list(esp.hand_off(list(letters(count))))
    finally:
        esp.close()


def kinds(given: Sequence[Answer]) -> list[type]:
    """The answers without their texts."""
    return [type(answer) for answer in given]


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a self-signed certificate for 127.0.0.1 and localhost, in one PEM file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "relay.example")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")])
    today = datetime.datetime.now(datetime.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    builder = builder.not_valid_before(today - datetime.timedelta(days=1)).not_valid_after(today + datetime.timedelta(days=2))
    builder = builder.add_extension(names, critical=False).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    made = builder.sign(key, hashes.SHA256())
    path = tmp_path_factory.mktemp("tls") / "relay.pem"
    private = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path.write_bytes(private + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls(certificate: Path) -> ssl.SSLContext:
    """The server's side of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def test_letters_arrive_byte_for_byte_over_one_connection() -> None:
    """The server holds each letter's exact bytes, dots at line starts included, and saw one connection."""
    tricky = letter(9, mime=b"Subject: dots\r\n\r\n.\r\n..\r\n.hidden\r\nend.\r\n")
    with serving(Relay()) as relay:
        esp = build_esp(relay.url)
        given = [*esp.hand_off([*letters(3), tricky]), *esp.hand_off(list(letters(2, first=20)))]
        esp.close()
    assert given[0] == Accepted(letter(0).message_id, "Q00000001")
    assert kinds(given) == [Accepted] * 6
    assert relay.held[3] == (tricky.address, tricky.mime)
    assert relay.held[0] == (letter(0).address, letter(0).mime)
    assert relay.connections == 1


def test_a_connection_is_replaced_after_its_share_of_letters() -> None:
    """With per_connection=2, five letters take three connections."""
    with serving(Relay()) as relay:
        assert kinds(answers(relay.url + "&per_connection=2", 5)) == [Accepted] * 5
    assert relay.connections == 3


def test_a_refused_recipient_is_rejected_and_the_others_are_not() -> None:
    """550 at RCPT rejects that letter with code and text but without the address; 451 asks to try later."""
    refusals = {"r1@example.org": "550 5.1.1 <r1@example.org>: no such user", "r2@example.org": "451 4.7.1 greylisted"}
    with serving(Relay(rcpt=refusals.get)) as relay:
        given = answers(relay.url, 4)
    assert kinds(given) == [Accepted, Rejected, Retry, Accepted]
    assert given[1] == Rejected(letter(1).message_id, "550 5.1.1 … no such user")
    assert given[2] == Retry(letter(2).message_id, "451 4.7.1 greylisted")
    assert relay.recipients == ["r0@example.org", "r3@example.org"]
    assert relay.connections == 1


def test_a_refused_letter_is_rejected_after_the_dot() -> None:
    """554 to the final dot rejects, 452 gives back; neither is unknown."""
    refusals = {"r0@example.org": "554 5.6.0 we do not like it", "r1@example.org": "452 4.3.1 no room"}
    with serving(Relay(dot=refusals.get)) as relay:
        assert kinds(answers(relay.url)) == [Rejected, Retry, Accepted]


@pytest.mark.parametrize("kept", [True, False])
def test_no_answer_after_the_dot_is_unknown(kept: bool) -> None:
    """Whether or not the server kept the letter, a connection lost after the dot leaves nobody knowing; the rest is unsent."""
    with serving(Relay(dot={"r1@example.org": "drop"}.get, keep_dropped=kept)) as relay:
        given = answers(relay.url, 4)
    assert kinds(given) == [Accepted, Unknown, Retry, Retry]
    assert all(answer.cause is Cause.UNREACHABLE for answer in given if isinstance(answer, Retry))
    assert len(relay.held) == (2 if kept else 1)


def test_silence_after_the_dot_is_unknown() -> None:
    """A server that never answers the final dot is waited for as long as final_timeout says."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=_never_answers_the_dot, args=[listening], daemon=True).start()
        given = answers(f"smtp://127.0.0.1:{listening.getsockname()[1]}?starttls=none&final_timeout=0.2", 1)
    assert given == [Unknown(letter(0).message_id, "no answer after the final dot: time ran out")]


def _never_answers_the_dot(listening: socket.socket) -> None:
    line, _ = listening.accept()
    line.sendall(b"220 hello\r\n")
    for reply in (b"250 hello\r\n", b"250 ok\r\n", b"250 ok\r\n", b"354 go\r\n"):
        line.recv(4096)
        line.sendall(reply)
    while line.recv(4096):
        pass


def test_a_connection_lost_within_a_letter_gives_it_back() -> None:
    """Before the dot the server has nothing: that letter is retried, the following ones go on over a new connection."""
    long = letter(1, mime=b"Subject: long\r\n\r\n" + b"more than the buffers of a connection take\r\n" * 400_000)
    with serving(Relay(drop_in_body={"r1@example.org": "drop"}.get)) as relay:
        esp = build_esp(relay.url)
        given = list(esp.hand_off([letter(0), long, letter(2), letter(3)]))
        esp.close()
    assert kinds(given) == [Accepted, Retry, Accepted, Accepted]
    assert isinstance(given[1], Retry)
    assert given[1].cause is Cause.MESSAGE
    assert relay.recipients == ["r0@example.org", "r2@example.org", "r3@example.org"]


def test_a_server_that_hangs_up_on_every_letter_is_left_alone_soon() -> None:
    """After two connections lost in a row the rest of the batch is given back untried."""
    with serving(Relay(rcpt=lambda _address: "drop")) as relay:
        assert kinds(answers(relay.url, 10)) == [Retry] * 10
    assert relay.connections == 2


def test_421_between_letters_is_answered_by_a_new_connection() -> None:
    """A relay that closes a used connection has said nothing about the letter: it goes out over the next one."""
    said = iter([None, None, "421 4.7.0 too many letters", None, None])
    with serving(Relay(mail=lambda _sender: next(said))) as relay:
        assert kinds(answers(relay.url, 4)) == [Accepted] * 4
    assert relay.connections == 2


def test_a_connection_that_idled_away_is_replaced() -> None:
    """A pooled connection that the server closed meanwhile costs no letter."""
    with serving(Relay(), timeout=0.2) as relay:
        esp = build_esp(relay.url)
        assert kinds(list(esp.hand_off([letter(0)]))) == [Accepted]
        _until_closed(esp)
        assert kinds(list(esp.hand_off([letter(1)]))) == [Accepted]
        esp.close()
    assert relay.connections == 2


def _until_closed(esp: object) -> None:
    """Wait until the server has closed the pooled connection."""
    (session,) = esp._pool._idle  # type: ignore[attr-defined]
    session._line.sock.settimeout(5)
    session._line.sock.recv(1, socket.MSG_PEEK)


def test_421_at_once_makes_the_relay_unreachable() -> None:
    """A relay that turns away a fresh connection's first letter gets no others now."""
    with serving(Relay(mail=lambda _sender: "421 4.3.2 shutting down")) as relay:
        given = answers(relay.url)
    assert [answer.cause for answer in given if isinstance(answer, Retry)] == [Cause.UNREACHABLE] * 3
    assert relay.connections == 1


def test_a_refused_sender_rejects_nobody() -> None:
    """550 at MAIL FROM is our trouble: all letters are given back."""
    with serving(Relay(mail=lambda _sender: "550 5.7.1 not you")) as relay:
        given = answers(relay.url)
    assert kinds(given) == [Retry] * 3
    assert all(isinstance(answer, Retry) and answer.cause is not Cause.MESSAGE for answer in given)


def test_a_relay_that_is_not_there_gives_all_back() -> None:
    """A refused connection is an answer for each letter, not an exception."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    given = answers(f"smtp://127.0.0.1:{port}")
    assert [answer.cause for answer in given if isinstance(answer, Retry)] == [Cause.UNREACHABLE] * 3


def test_check_says_where_and_why_and_no_secret() -> None:
    """A relay that does not answer is refused up front by host and port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    with pytest.raises(UnavailableError) as refusal:
        build_esp(f"smtp://me:{PASSWORD}@127.0.0.1:{port}").check()
    assert str(refusal.value) == f"127.0.0.1:{port}: the relay does not answer: Connection refused"


def test_starttls_and_login(tls: ssl.SSLContext, certificate: Path) -> None:
    """With STARTTLS and a login the letters arrive; the wrong password is the user's mistake and is not repeated."""
    options: dict[str, Any] = {
        "auth_required": True,
        "auth_require_tls": True,
        "require_starttls": True,
        "authenticator": only("me", PASSWORD),
    }
    with serving(Relay(), tls=tls, **options) as relay:
        place = f"127.0.0.1:{relay.port}"
        right = build_esp(f"smtp://me:{PASSWORD}@{place}/?ca={certificate}")
        right.check()
        assert kinds(list(right.hand_off(list(letters(2))))) == [Accepted] * 2
        right.close()
        with pytest.raises(InputError) as refusal:
            build_esp(f"smtp://me:wrong-{PASSWORD}@{place}/?ca={certificate}").check()
    assert str(refusal.value).startswith(f"{place}: the relay refuses user name and password: 535")
    assert PASSWORD not in str(refusal.value)


def test_implicit_tls(tls: ssl.SSLContext, certificate: Path) -> None:
    """smtps:// speaks TLS from the first byte."""
    with serving(Relay(), tls=tls, implicit=True) as relay:
        assert kinds(answers(f"smtps://127.0.0.1:{relay.port}/?ca={certificate}")) == [Accepted] * 3


def test_a_certificate_of_unknown_authority_is_not_trusted(tls: ssl.SSLContext) -> None:
    """Offered STARTTLS is verified; the error says how to trust a private authority."""
    with serving(Relay(), tls=tls) as relay, pytest.raises(UnavailableError, match=r"not trusted.*\?ca=FILE"):
        build_esp(f"smtp://127.0.0.1:{relay.port}").check()


def test_no_password_travels_in_the_clear() -> None:
    """A relay without STARTTLS is refused before the login when credentials are given."""
    with serving(Relay(), authenticator=only("me", PASSWORD)) as relay, pytest.raises(InputError, match="no STARTTLS"):
        build_esp(f"smtp://me:{PASSWORD}@127.0.0.1:{relay.port}").check()


def test_a_password_that_smtp_cannot_say_is_refused() -> None:
    """A password outside ASCII is an input error that does not tell it."""
    with (
        serving(Relay(), authenticator=only("me", "x"), auth_require_tls=False) as relay,
        pytest.raises(InputError, match="plain ASCII") as refusal,
    ):
        build_esp(f"smtp://me:p%C3%A4sswort@127.0.0.1:{relay.port}?starttls=none").check()
    assert "sswort" not in str(refusal.value)


def test_harmful_addresses_never_reach_the_relay() -> None:
    """A letter whose address could end a command is rejected here, and the session goes on."""
    with serving(Relay()) as relay:
        esp = build_esp(relay.url)
        given = list(esp.hand_off([letter(0, address="a@b.example\r\nRCPT TO:<evil@b.example>"), letter(1)]))
        esp.close()
    assert kinds(given) == [Rejected, Accepted]
    assert relay.recipients == ["r1@example.org"]


def test_a_relay_cannot_be_asked_for_evidence() -> None:
    """What SMTP left unknown stays unknown."""
    assert list(build_esp("smtp://127.0.0.1").evidence([letter(0).message_id])) == []
