"""Recipient tokens: whoever has the site's key makes them, and nobody else."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.recipient_tokens import RecipientTokens
from domain.errors import InputError
from domain.ids import RecipientId

AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
NEW, OLD = RecipientTokens({"k1": b"new", "k0": b"old"}), RecipientTokens({"k0": b"old"})
IDS = st.text(min_size=1, max_size=60).filter(lambda text: text.isprintable() and "@" not in text).map(RecipientId)


@given(IDS, st.integers(0, 10**6))
def test_what_is_signed_is_read(who: RecipientId, minutes: int) -> None:
    """The id and the expiry, by whoever has the key, old or new."""
    until = AT + timedelta(minutes=minutes)
    assert NEW.read(NEW.sign(who, until)) == NEW.read(OLD.sign(who, until)) == (who, int(until.timestamp()))


@given(IDS, st.data())
def test_one_changed_letter_is_forged(who: RecipientId, data: st.DataObject) -> None:
    """Wherever it stands. Tokens of a key that is not ours any more are forged too."""
    token = NEW.sign(who, AT)
    place = data.draw(st.integers(0, len(token) - 2))  # the last letter's lowest bits say nothing
    other = data.draw(st.sampled_from([letter for letter in "Aa0_.-" if letter != token[place]]))
    with pytest.raises(ValueError):
        NEW.read(token[:place] + other + token[place + 1 :])
    with pytest.raises(ValueError, match="not a token"):
        OLD.read(token)


@given(st.text(max_size=80))
def test_anything_else_is_no_token(text: str) -> None:
    """ValueError, whatever it is."""
    with pytest.raises(ValueError):
        NEW.read(text)


def test_any_language_makes_them() -> None:
    """The recipe of the docs, in nothing but HMAC-SHA256 and base64url, makes the same token."""
    key, who, until = NEW.site_key, "c1001", int((AT + timedelta(hours=1)).timestamp())
    body = f"{key.key_id}.{until}.{base64.urlsafe_b64encode(who.encode()).rstrip(b'=').decode()}"
    seal = hmac.new(bytes.fromhex(key.key), body.encode(), hashlib.sha256).digest()
    token = f"{body}.{base64.urlsafe_b64encode(seal).rstrip(b'=').decode()}"
    assert token == NEW.sign(RecipientId(who), AT + timedelta(hours=1))


@pytest.mark.parametrize("who", ["ann@example.org", "", "x" * 300, "a\nb"])
def test_no_token_carries_an_address(who: str) -> None:
    """Nor what is no id; a token that somebody made for one is not read."""
    with pytest.raises(InputError):
        NEW.sign(RecipientId(who), AT)
    key = NEW.site_key
    body = f"{key.key_id}.1.{base64.urlsafe_b64encode(who.encode()).rstrip(b'=').decode()}"
    seal = base64.urlsafe_b64encode(hmac.digest(bytes.fromhex(key.key), body.encode(), "sha256")).rstrip(b"=").decode()
    with pytest.raises(ValueError, match="not a token"):
        NEW.read(f"{body}.{seal}")


def test_the_sites_key_signs_nothing_else() -> None:
    """It is derived, and tells nothing of the key that links are signed with."""
    assert NEW.site_key.key_id == "k1"
    assert NEW.site_key.key != b"new".hex()
    assert len(NEW.site_key.key) == 64
