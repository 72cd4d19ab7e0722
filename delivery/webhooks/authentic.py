"""Whether a post is who it says it is from: passwords, tokens and time stamps, compared without telling by time what was wrong."""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from delivery.webhooks.posts import Forged, RawPost, Secrets, Verdict, Verified

_DIGITS = 11  # of seconds since 1970, until the year 5138
AHEAD = timedelta(minutes=5)  # how far the ESP's clock may be ahead of ours


def same(given: str | bytes, right: str | bytes) -> bool:
    """Equality that takes as long whatever differs. Of what is given, anything may come."""
    return hmac.compare_digest(_bytes(given), _bytes(right))


def any_same(given: str | bytes, right: Iterable[str | bytes]) -> bool:
    """Whether it is one of several; all are compared."""
    return sum(same(given, one) for one in right) > 0  # a sum does not stop at the first


def from_base64(text: str) -> bytes | None:
    """The bytes; None for anything that is not the one way to write them: spare bits at the end must not be open to change."""
    try:
        found = base64.b64decode(text, validate=True)
    except ValueError:  # binascii.Error is one
        return None
    return found if base64.b64encode(found) == _bytes(text) else None


def stale(stamp: str, at: datetime, oldest: timedelta) -> str | None:
    """Why a time stamp (seconds since 1970) is not to be believed now; None if it is."""
    if not stamp.isascii() or not stamp.isdigit() or len(stamp) > _DIGITS:
        return "the time stamp is no number"
    return out_of_time(datetime.fromtimestamp(int(stamp), UTC), at, oldest)


def out_of_time(signed_at: datetime, at: datetime, oldest: timedelta) -> str | None:
    """Why an instant is not to be believed now; None if it is."""
    if signed_at > at + AHEAD:
        return "the time stamp lies in the future"
    return "the time stamp is too old" if signed_at < at - oldest else None


def by_password(post: RawPost, secrets: Secrets, _at: datetime) -> Verdict:
    """For ESPs that sign nothing. A secret is `user:password` for basic authorisation, `X-Name=value` for a header, else a bearer token."""
    told = [_told(post, secret) for secret in secrets.texts]
    if all(given is None for given, _ in told):
        return Forged("no password was given")
    right = [same(given or b"", wanted) and given is not None for given, wanted in told]
    return Verified() if any(right) else Forged("the password is wrong")


def _told(post: RawPost, secret: str) -> tuple[bytes | None, bytes]:
    """What was given in the place that the secret is for, and what should have been. Digests: a password's length stays untold."""
    name, is_header, value = secret.partition("=")
    if is_header and name.lower().startswith("x-"):
        return _digest(post.headers.get(name.lower())), _digest(value) or b""
    kind, _, given = post.headers.get("authorization", "").partition(" ")
    scheme = "basic" if ":" in secret else "bearer"
    if kind.lower() != scheme:
        return None, b""
    told = (from_base64(given.strip()) or b"") if scheme == "basic" else given.strip()
    return _digest(told), _digest(secret) or b""


def _digest(text: str | bytes | None) -> bytes | None:
    return None if text is None else hashlib.sha256(_bytes(text)).digest()


def _bytes(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")
