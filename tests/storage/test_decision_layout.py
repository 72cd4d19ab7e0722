"""How decisions are packed: whatever is packed is read again, and what nobody packed is refused."""

import hashlib
from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ids import PlacementId, RecipientId, SendId, VariantId
from domain.serving import StoredDecision
from storage.decision_layout import (
    HASHES,
    PLACEMENTS,
    SENDS,
    Entries,
    UnknownWordError,
    Words,
    base36,
    campaign_of,
    code_of,
    key_of,
    packed,
    place_of,
    split_send,
    unpacked,
    variants_of,
    written,
)

NAMES = st.from_regex(r"[a-z][a-z0-9_-]{0,12}", fullmatch=True)
SEND_IDS = st.builds(lambda name, number: SendId(f"{name}-20261123T090000Z" + (f"+{number}" if number else "")), NAMES, st.integers(0, 99))
ENTRIES = st.dictionaries(
    NAMES.map(lambda name: PlacementId(f"web.{name}")),
    st.builds(
        StoredDecision,
        st.lists(NAMES.map(VariantId), min_size=1, max_size=4).map(tuple),
        SEND_IDS,
        st.integers(0, 4_000_000_000),
    ),
    min_size=1,
    max_size=6,
)


def words_for(entries: Entries) -> Words:
    """Words with a code for everything."""
    words, number = Words(), 0
    for placement, entry in entries.items():
        for space, text in ((PLACEMENTS, placement), (SENDS, split_send(entry.send_id)[0])):
            if (space, text) not in words.codes:
                words.learn(space, code_of(number := number + 1), text, 0)
        own = variants_of(words.codes[PLACEMENTS, placement])
        for variant in entry.variants:
            if (own, variant) not in words.codes:
                words.learn(own, code_of(number := number + 1), variant, 0)
    return words


@given(ENTRIES)
def test_what_is_packed_is_read_again(entries: dict[PlacementId, StoredDecision]) -> None:
    """Any decisions of any sends and expiries, in any number of placements."""
    words = words_for(entries)
    assert unpacked(packed(entries, words), words) == entries


@given(ENTRIES)
def test_words_are_read_as_they_are_written(entries: dict[PlacementId, StoredDecision]) -> None:
    """What Redis holds of the words gives the same words."""
    words = words_for(entries)
    stored = {name.encode(): written(7, text) for name, text in words.texts.items()}
    assert Words.read(stored | {b"#s": b"12"}).texts == words.texts


@given(st.binary(max_size=40))
def test_what_nobody_packed_is_refused(value: bytes) -> None:
    """Bytes of somebody else's are an error of one kind, whatever they are."""
    with pytest.raises(ValueError):
        unpacked(value, Words())


@given(st.text(max_size=30))
def test_a_recipient_is_where_any_sha_256_finds_them(recipient: str) -> None:
    """Number and field are of the first nine bytes of the digest: an edge worker can compute them."""
    number, field = place_of(RecipientId(recipient))
    digest = hashlib.sha256(recipient.encode()).digest()
    assert number == int.from_bytes(digest[6:9], "big") % HASHES
    assert field == b64encode(digest[:6])


def test_the_words_of_a_worked_example() -> None:
    """The value as docs and recipes show it."""
    words = Words()
    words.learn(SENDS, "0", "web-20261123T090000Z", 0)
    words.learn(PLACEMENTS, "0", "web.home_hero", 0)
    words.learn("v0", "1", "tents", 0)
    entry = StoredDecision((VariantId("tents"),), SendId("web-20261123T090000Z+2"), 1_796_150_443)
    assert packed({PlacementId("web.home_hero"): entry}, words) == b"tpdqjv.0+2:0,1"
    assert key_of("web", 4_711) == b"decisions:web:4711"
    assert campaign_of(PlacementId("web.home_hero")) == "web"
    with pytest.raises(UnknownWordError):
        unpacked(b"tpdpzv.0+2:0,2", words)


@given(st.integers(0, 10**6))
def test_codes_are_one_to_one(number: int) -> None:
    """The codes of neighbours differ, and short ones come first."""
    assert code_of(number) != code_of(number + 1)
    assert len(code_of(number)) <= len(code_of(number + 1))
    assert int(base36(number), 36) == number


def test_the_first_codes_are_short() -> None:
    """62 of one letter, 3,844 of two."""
    codes = [code_of(number) for number in range(62 + 62 * 62)]
    assert [len(code) for code in codes].count(1) == 62
    assert len(set(codes)) == len(codes)
    assert {len(code) for code in codes} == {1, 2}
