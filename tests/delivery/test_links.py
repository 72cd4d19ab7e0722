"""Signed links."""

import hashlib
import hmac
from base64 import urlsafe_b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.links import Click, Signer, link_of, spelled_link
from domain.errors import InputError
from domain.ids import MessageId

OLD, NEW = {"k0": b"old key"}, {"k1": b"new key"}
SIGNER = Signer({**NEW, **OLD})
MESSAGE = MessageId("0123456789abcdef0123456789abcdef")
messages = st.binary(min_size=16, max_size=16).map(lambda b: MessageId(b.hex()))
link_ids = st.binary(min_size=4, max_size=4).map(bytes.hex)
urls = st.none() | st.text(min_size=1, max_size=300).filter(lambda u: u.encode("utf-8", "replace").decode() == u)


@given(messages, link_ids, st.integers(0, 65_535), urls)
def test_a_click_reads_as_it_was_signed(message: MessageId, link: str, position: int, url: str | None) -> None:
    """Message, link, position and an address of its own come back."""
    token = SIGNER.sign_click(message, link, position, url)
    assert SIGNER.read_click(token) == Click(message, link, position, url)


@given(messages)
def test_an_unsubscribe_reads_as_it_was_signed(message: MessageId) -> None:
    """The message comes back."""
    assert SIGNER.read_unsubscribe(SIGNER.sign_unsubscribe(message)) == message


@given(st.text() | st.binary().map(lambda b: b.decode("latin-1")) | st.text("ABCDabcd0123-_=", max_size=80))
def test_garbage_is_refused_and_never_crashes(token: str) -> None:
    """Whatever anyone requests, it is read as forged."""
    for read in (SIGNER.read_click, SIGNER.read_unsubscribe):
        with pytest.raises(InputError):
            read(token)


@given(st.integers(0, 47), st.sampled_from("AZaz09-_"))
def test_a_token_that_differs_in_one_letter_is_refused(place: int, letter: str) -> None:
    """Nothing in a token can be changed, its spelling included."""
    token = SIGNER.sign_click(MESSAGE, "aabbccdd", 1)
    changed = token[:place] + letter + token[place + 1 :]
    if changed != token:
        with pytest.raises(InputError):
            SIGNER.read_click(changed)


def test_tokens_are_short_and_fit_into_a_url() -> None:
    """48 letters of the URL-safe alphabet; 40 for unsubscribing."""
    click, leave = SIGNER.sign_click(MESSAGE, "aabbccdd", 1), SIGNER.sign_unsubscribe(MESSAGE)
    assert (len(click), len(leave)) == (48, 40)
    assert all(c.isalnum() or c in "-_" for c in click + leave)


def test_one_kind_of_token_never_reads_as_another() -> None:
    """A click's token does not unsubscribe, nor the other way round."""
    with pytest.raises(InputError):
        SIGNER.read_unsubscribe(SIGNER.sign_click(MESSAGE, "aabbccdd", 1))
    with pytest.raises(InputError):
        SIGNER.read_click(SIGNER.sign_unsubscribe(MESSAGE))


def test_old_keys_go_on_reading_and_unknown_ones_do_not() -> None:
    """A key that was replaced still reads the letters that are out."""
    old = Signer(OLD).sign_click(MESSAGE, "aabbccdd", 1)
    assert SIGNER.read_click(old).message_id == MESSAGE
    with pytest.raises(InputError):
        Signer(NEW).read_click(old)


def test_a_letter_is_signed_again_with_the_key_it_was_signed_with() -> None:
    """`with_key` picks the key; one that is gone is told, with what to do."""
    assert SIGNER.with_key("k0").sign_unsubscribe(MESSAGE) == Signer(OLD).sign_unsubscribe(MESSAGE)
    with pytest.raises(InputError, match="secret_key"):
        SIGNER.with_key("k9")


@given(messages, st.lists(st.tuples(link_ids, st.integers(0, 255)), max_size=5))
def test_the_tokens_of_a_letter_are_those_that_are_made_one_by_one(message: MessageId, links: list[tuple[str, int]]) -> None:
    """In one go, without anything between them, and the unsubscribe's at the end."""
    apart = [SIGNER.sign_click(message, link, position) for link, position in links]
    together = SIGNER.tokens_of(message, [link_of(link, position) for link, position in links])
    assert together.decode() == "".join((*apart, SIGNER.sign_unsubscribe(message)))


@given(st.binary(min_size=1, max_size=100))
def test_the_seal_is_keyed_blake2s(secret: bytes) -> None:
    """As the standard library computes it in one go, 96 bits of it, under a key of the kind's own, for secrets of any length."""
    token = Signer({"k": secret}).sign_click(MESSAGE, "aabbccdd", 1)
    data = urlsafe_b64decode(token)
    key = hmac.digest(secret, b"letterpress link \x01", "sha256")
    assert data[-12:] == hashlib.blake2s(data[:-12], key=key, digest_size=12).digest()


def test_click_tokens_of_a_message_begin_alike() -> None:
    """Their first 24 letters are one value to an ESP that puts values into a body; the next 8 are the link and its position."""
    tokens = [SIGNER.sign_click(MESSAGE, link, position) for link, position in (("aabbccdd", 1), ("00000000", 255))]
    assert tokens[0][:24] == tokens[1][:24]
    assert [token[24:32] for token in tokens] == [spelled_link(link_of("aabbccdd", 1)), spelled_link(link_of("00000000", 255))]
    assert SIGNER.sign_click(MessageId("f" * 32), "aabbccdd", 1)[:24] != tokens[0][:24]
