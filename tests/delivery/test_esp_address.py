"""The address of an ESP: read exactly, and never told in an error."""

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.esp import build_esp
from delivery.esp.address import parse_address
from delivery.esp.smtp_relay import Tls, relay_of
from domain.errors import InputError

SECRET = "Tr0ub4dor"


def test_a_relay_address_is_taken_apart() -> None:
    """Host, port, credentials and options are read, percent-decoded."""
    relay = relay_of(parse_address("smtp://me%40shop:p%2Fw@mail.example:2525/?starttls=required&timeout=7&per_connection=5"))
    assert (relay.host, relay.port, relay.username, relay.password) == ("mail.example", 2525, "me@shop", "p/w")
    assert (relay.tls, relay.timeout, relay.per_connection) == (Tls.REQUIRED, 7.0, 5)


@pytest.mark.parametrize(
    ("url", "port", "tls"),
    [
        ("smtp://mail.example", 587, Tls.OPPORTUNISTIC),
        ("smtp://u:p@mail.example", 587, Tls.REQUIRED),
        ("smtp://u:p@mail.example?starttls=none", 587, Tls.NONE),
        ("smtps://u:p@mail.example", 465, Tls.IMPLICIT),
    ],
)
def test_defaults_protect_the_password(url: str, port: int, tls: Tls) -> None:
    """Where a password travels, TLS is required unless the address says otherwise."""
    relay = relay_of(parse_address(url))
    assert (relay.port, relay.tls) == (port, tls)


def test_an_ipv6_relay_is_named_in_brackets() -> None:
    """An IPv6 host is read from brackets and told in brackets."""
    assert relay_of(parse_address("smtp://[::1]:2525")).place == "[::1]:2525"


@pytest.mark.parametrize(
    "url",
    [
        f"smtp://u:{SECRET}@host:99999",
        f"smtp://u:{SECRET}@host:port",
        f"smtp://u:{SECRET}@[::1",
        f"smtp://u:{SECRET}@",
        f"smtp://{SECRET}@host",
        f"smtp://u:{SECRET}@host/path",
        f"smtp://u:{SECRET}@host?colour=red",
        f"smtp://u:{SECRET}@host?starttls=maybe",
        f"smtp://u:{SECRET}@host?timeout=soon",
        f"smtp://u:{SECRET}@host?timeout=nan",
        f"smtp://u:{SECRET}@host?timeout",
        f"smtp://u:{SECRET}@host?timeout=1&timeout=2",
        f"smtp://u:{SECRET}@host?ca=/no/such/file",
        f"smtps://u:{SECRET}@host?starttls=none",
        f"pigeon://u:{SECRET}@host",
        f"u:{SECRET}@host",
        "",
        "folder:",
        "folder:?fsync=yes",
        "folder:var/mailbox?fsync=perhaps",
        "folder://host/path",
    ],
)
def test_a_bad_address_is_refused_without_telling_it(url: str) -> None:
    """The error names the setting and what is wrong, and never the password."""
    with pytest.raises(InputError) as refusal:
        build_esp(url)
    assert refusal.value.exit_code == 2
    assert str(refusal.value).startswith("LETTERPRESS_ESP: ")
    assert SECRET not in str(refusal.value)


@given(st.text(max_size=80))
def test_any_text_is_an_esp_or_an_input_error(text: str) -> None:
    """No text at all makes the parser fail in another way."""
    try:
        build_esp(text)
    except InputError as refusal:
        assert str(refusal).startswith("LETTERPRESS_ESP: ")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=0x2FFF), min_size=1), st.text(st.characters(min_codepoint=33), min_size=1))
def test_quoted_credentials_come_back_as_they_were(username: str, password: str) -> None:
    """Whatever is percent-encoded into an address is what the relay is told."""
    address = parse_address(f"smtp://{quote(username, safe='')}:{quote(password, safe='')}@host")
    assert (address.username, address.password) == (username, password)
    assert password not in repr(address) or password in repr(parse_address(f"smtp://{quote(username, safe='')}:x@host"))


def test_the_folder_is_where_the_address_says() -> None:
    """A relative folder begins at the given home, wherever the process runs; its name tells the whole path."""
    assert build_esp("folder:var/mailbox", home=Path("/srv/letterpress")).name == "folder:/srv/letterpress/var/mailbox"
    assert build_esp("folder:/tmp/my%20letters", home=Path("/srv")).name == "folder:/tmp/my letters"
