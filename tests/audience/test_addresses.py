"""Addresses that a letter can be sent to."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.addresses import valid
from delivery.addresses import address_fault


def is_valid(address: str | None) -> bool:
    return bool(valid(pd.Series([address], dtype="str")).iloc[0])


@pytest.mark.parametrize(
    "address",
    [
        "a@" + "x" * 63 + ".example",
        "a@b.example",
        "first.last+tag@sub.shop.example",
        "o'neil@x-y.example",
        "post@xn--mller-kva.example",
        "x" * 64 + "@a.example",
    ],
)
def test_well_formed(address: str) -> None:
    """Ordinary addresses are valid."""
    assert is_valid(address)


@pytest.mark.parametrize(
    "address",
    [
        *(
            "",
            "a",
            "@b.example",
            "a@",
            "a@b",
            "a b@c.example",
            "a@b c.example",
            "a@@b.example",
            "a@b@c.example",
            ".a@b.example",
            "a..b@c.example",
        ),
        *(
            "a@-b.example",
            "a@b-.example",
            "a@b..example",
            "a@b.example.",
            '"a b"@c.example',
            "a@[127.0.0.1]",
            "<a@b.example>",
            "a@b.example,c@d.example",
        ),
        *("a@" + "x" * 64 + ".example", "x" * 65 + "@a.example", "a@" + "b." * 130 + "example", " a@b.example", "a@b.example "),
        *(
            "a@b.example\n",
            "a@b.example\r\nBcc: c@d.example",
            "a\x00@b.example",
            "a\x1b@b.example",
            "a\u202e@b.example",
            "a\u200b@b.example",
            "a@b\u2028.example",
        ),
        None,
    ],
)
def test_badly_formed(address: str | None) -> None:
    """What a mail server would refuse, or what would write more into a header than an address, is invalid."""
    assert not is_valid(address)


@settings(deadline=None)
@given(st.text(alphabet=st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"]), min_size=1, max_size=2), st.integers(0, 9))
def test_no_control_character_anywhere(control: str, place: int) -> None:
    """No control character, blank, line end or direction mark is valid in any place."""
    address = "ab@cd.example"
    assert not is_valid(address[:place] + control + address[place:])


@settings(deadline=None)
@given(st.one_of(st.emails(), st.from_regex(r"[a-z0-9.!'+_-]{1,70}@[a-z0-9.-]{1,80}", fullmatch=True)))
def test_what_is_admitted_can_be_printed(address: str) -> None:
    """Whatever is admitted here, the printing room can put into a header."""
    assert not is_valid(address) or address_fault(address) is None
