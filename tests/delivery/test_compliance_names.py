"""What names of hosts and addresses of ESPs say: whose they are, and who gets there."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.compliance.domains import is_free_mailbox, is_shortener, itself_and_parents, split, unreachable
from delivery.compliance.route import Reach, route_of
from delivery.esp.address import parse_address


@pytest.mark.parametrize("domain", ["gmail.com", "GMAIL.com", "yahoo.co.uk", "hotmail.fr", "outlook.com", "gmx.net", "web.de", "qq.com"])
def test_free_mailboxes_are_known(domain: str) -> None:
    """Anybody can have an address there, in whichever country."""
    assert is_free_mailbox(domain)


@pytest.mark.parametrize("domain", ["shop.com", "mail.gmail.shop.com", "yahoo", "live.events.shop.com", "outlooks.com", "notgmail.com"])
def test_other_domains_are_not_taken_for_free_mailboxes(domain: str) -> None:
    """A name that merely resembles one is its owner's."""
    assert not is_free_mailbox(domain)


@pytest.mark.parametrize(
    "host",
    [
        "localhost",
        "127.0.0.1",
        "::1",
        "[::1]",
        "10.1.2.3",
        "192.168.0.9",
        "169.254.1.1",
        "shop.example",
        "a.example.com",
        "relay.internal",
        "intranet",
    ],
)
def test_hosts_that_nobody_outside_reaches_are_known(host: str) -> None:
    """Loopback, private networks, reserved names and bare words."""
    assert unreachable(host)


@pytest.mark.parametrize("host", ["shop.com", "letters.shop.co.uk", "9.9.9.9", "2620:fe::fe", "example-shop.com", "test.shop.de"])
def test_public_hosts_are_not_suspected(host: str) -> None:
    """What could be anybody's is left alone."""
    assert unreachable(host) is None


def test_shorteners_are_known_by_their_host() -> None:
    """bit.ly is one, a shop at a similar name is not."""
    assert is_shortener("bit.ly") and is_shortener("WWW.tinyurl.com") and not is_shortener("habit.ly") and not is_shortener("t.com")


def test_parents_end_at_two_labels() -> None:
    """DMARC and relaxed alignment never ask a top-level domain."""
    assert list(itself_and_parents("a.b.shop.com")) == ["a.b.shop.com", "b.shop.com", "shop.com"]
    assert list(itself_and_parents("shop.com")) == ["shop.com"]


@given(st.text(max_size=60))
def test_any_text_can_be_split_and_judged(text: str) -> None:
    """No address makes the checks fail, and what is split has a host."""
    parts = split(text)
    assert parts is None or parts.hostname
    unreachable(text)
    is_free_mailbox(text)
    is_shortener(text)


@pytest.mark.parametrize(
    ("url", "reach"),
    [
        ("folder:var/mailbox", Reach.FOLDER),
        ("smtp://127.0.0.1:1025", Reach.LOCAL),
        ("smtp://localhost:8025", Reach.LOCAL),
        ("smtp://[::1]:2525", Reach.LOCAL),
        ("sendgrid://:KEY@127.0.0.1:8090", Reach.LOCAL),
        ("smtp://localhost", Reach.WORLD),
        ("smtp://127.0.0.1:25", Reach.WORLD),
        ("smtps://127.0.0.1:465", Reach.WORLD),
        ("smtp://relay.internal:1025", Reach.WORLD),
        ("sendgrid://:KEY@", Reach.WORLD),
        ("ses://", Reach.WORLD),
    ],
)
def test_who_gets_the_letters_is_read_from_the_address(url: str, reach: Reach) -> None:
    """Folders and simulators reach nobody; a relay on this machine, at a relay's port, may reach everybody."""
    assert route_of(parse_address(url)).reach is reach
