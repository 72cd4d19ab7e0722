"""Mailboxes that can be written to, judged as email-validator judges them."""

import pytest
from email_validator import EmailNotValidError, validate_email
from hypothesis import given
from hypothesis import strategies as st

from storage.imports.addresses import Mailbox, mailboxes

LOCALS = st.text("abzAZ09._+-!'@\" é", min_size=0, max_size=70)
DOMAINS = st.text("abzAZ09.-_é", min_size=0, max_size=70).map(lambda text: text + ".example") | st.sampled_from(
    ["shop.test", "localhost", "x.invalid"]
)


@given(local=LOCALS, domain=DOMAINS)
def test_the_quick_check_accepts_nothing_that_the_library_refuses(local: str, domain: str) -> None:
    """An address is accepted exactly if email-validator accepts it and it can be written in ASCII."""
    address = f"{local}@{domain}"
    try:
        expected = validate_email(address, check_deliverability=False, test_environment=True).ascii_email is not None
    except EmailNotValidError:
        expected = False
    assert (mailboxes([address])[0].address is not None) is expected


@pytest.mark.parametrize("address", ["ann@shop.example", "a.b+tag@mail.shop.co.example", "o'neill@shop.example", "A-1_b@x-1.example"])
def test_everyday_addresses_stay_as_they_are(address: str) -> None:
    """A good address is written to in the spelling it was given in."""
    assert mailboxes([address]) == [Mailbox(address)]


def test_international_domains_are_written_in_ascii() -> None:
    """A domain of other letters becomes its ASCII form, which every relay takes."""
    assert mailboxes(["ann@bücher.example"]) == [Mailbox("ann@xn--bcher-kva.example")]


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ann",
        "ann@",
        "@shop.example",
        "a b@shop.example",
        "ann@shop..example",
        ".ann@shop.example",
        "änn@shop.example",
        "ann@[127.0.0.1]",
    ],
)
def test_what_is_no_mailbox_says_why(address: str) -> None:
    """A refused address comes with a reason."""
    (judged,) = mailboxes([address])
    assert judged.address is None
    assert judged.problem
