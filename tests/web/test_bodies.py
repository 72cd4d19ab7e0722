"""Bodies that are packed, too large, or no JSON."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web.bodies import BadBody, parsed, unpacked

MOST = 10_000


@given(body=st.binary(max_size=MOST))
def test_gzip_is_unpacked(body: bytes) -> None:
    """What was gzipped comes back."""
    assert unpacked(gzip.compress(body), "gzip", MOST) == body


@given(body=st.binary(max_size=200))
def test_any_bytes_are_unpacked_or_refused(body: bytes) -> None:
    """No bytes make unpacking and reading fail in another way than by a refusal."""
    for encoding in ("gzip", "", "br"):
        try:
            parsed(unpacked(body, encoding, MOST))
        except BadBody as bad:
            assert bad.status in {400, 413, 415}


def test_a_bomb_is_not_unpacked() -> None:
    """A small body that would unpack to 100 MB is refused after as much as is allowed."""
    with pytest.raises(BadBody) as refused:
        unpacked(gzip.compress(bytes(100_000_000)), "gzip", MOST)
    assert refused.value.status == 413


def test_cut_gzip_is_refused() -> None:
    """Half a body is no body."""
    with pytest.raises(BadBody):
        unpacked(gzip.compress(b"x" * 1_000)[:-9], "gzip", MOST)


@pytest.mark.parametrize("body", [b"", b"{", b"[" * 5_000, b"\xff\xfe", b'{"a": 1e400}x'])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    """Neither half a document, nor a deep one, nor other encodings."""
    with pytest.raises(BadBody):
        parsed(body)


def test_nan_is_let_pass() -> None:
    """Python's json writes NaN, and clients send it."""
    assert isinstance(parsed(b'{"a": NaN}'), dict)
