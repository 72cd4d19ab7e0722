"""What the fuzzing tests draw from: trees of JSON with the names that parsers look for, and real payloads with something wrong about them.

By default few examples are tried, always the same. LETTERPRESS_FUZZ_EXAMPLES says how many new ones to try; what fails then is
printed with a line (`@reproduce_failure`) that tries it again, and kept in .hypothesis/.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

EXAMPLES = int(os.environ.get("LETTERPRESS_FUZZ_EXAMPLES", "0"))
_FIXTURES = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]


def tried(few: int) -> settings:
    """So many examples, the same each time; or as many new ones as the environment says."""
    if EXAMPLES:
        return settings(max_examples=EXAMPLES, derandomize=False, deadline=None, print_blob=True, suppress_health_check=_FIXTURES)
    return settings(max_examples=few, derandomize=True, deadline=None, suppress_health_check=_FIXTURES)


LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=20),
    st.sampled_from(["\x00", "\ud800", "1e999", "9" * 400, "2026-13-45", "a@b@c", "<x@y.z>", -1, 10**30, "\u202e", "%00", "{{ x }}"]),
)
KEYS = st.sampled_from(
    [
        *("type", "event", "userId", "anonymousId", "messageId", "timestamp", "sentAt", "originalTimestamp", "properties", "traits"),
        *("context", "batch", "products", "revenue", "total", "currency", "quantity", "price", "order_id", "email", "device", "writeKey"),
        *("event-data", "msys", "data", "mail", "bounce", "complaint", "Message", "Type", "RecordType", "MessageID", "Recipient", "email"),
        *("recipients", "bouncedRecipients", "emailAddress", "tags", "user-variables", "Metadata", "CustomID", "severity", "detail"),
        *("delivery-status", "sg_event_id", "sg_message_id", "reason", "status", "ts_epoch", "ts", "time", "id", "_id", "headers", "tls"),
        *("eventType", "notificationType", "url", "ip", "TypeCode", "origin", "bounce_classification", "transmission_id", "signature"),
        *("TopicArn", "SigningCertURL", "SubscribeURL", "Signature", "SignatureVersion", "Timestamp", "mandrill_events", "msg"),
    ]
) | st.text(max_size=8)
TREES = st.recursive(LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6), max_leaves=25)
CALLS_GIVEN = st.dictionaries(KEYS, TREES, max_size=8) | TREES


def as_json(tree: object) -> bytes:
    """The tree as JSON that may hold what orjson would not write: NaN, lone surrogates, long integers."""
    return json.dumps(tree).encode()


@st.composite
def broken(draw: Callable[..., Any], given: st.SearchStrategy[Any]) -> Any:
    """One of these documents after up to three accidents: a value exchanged, a name lost or given twice, something nested or repeated."""
    tree = draw(given)
    for _ in range(draw(st.integers(0, 3))):
        tree = _at(tree, draw(st.sampled_from(_paths(tree))), draw(st.sampled_from(_ACCIDENTS)), draw(TREES))
    return tree


@st.composite
def damaged(draw: Callable[..., Any], given: st.SearchStrategy[bytes]) -> bytes:
    """One of these bodies after up to three accidents on the way: bytes changed, lost, put in, cut off, or said twice."""
    body: bytes = draw(given)
    for _ in range(draw(st.integers(0, 3))):
        at, length = draw(st.integers(0, max(0, len(body)))), draw(st.integers(0, 8))
        new = draw(
            st.binary(max_size=8)
            | st.sampled_from([b"\x00", b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"[" * 1_000, b'{"a":' * 990, b"9" * 5_000])
        )
        body = draw(st.sampled_from([body[:at] + new + body[at + length :], body[:at], body[at:], body + body, body[:at] + body[at:] * 2]))
    return body


def _paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [path, *(found for key, value in inner for found in _paths(value, (*path, key)))]


def _at(tree: Any, path: tuple[Any, ...], accident: Callable[[Any, Any], Any], other: Any) -> Any:
    if not path:
        return accident(tree, other)
    copy = dict(tree) if isinstance(tree, dict) else list(tree)
    copy[path[0]] = _at(copy[path[0]], path[1:], accident, other)
    return copy


def _nested(value: Any, other: Any) -> Any:
    for _ in range(300):
        value = [value]
    return value


_ACCIDENTS: list[Callable[[Any, Any], Any]] = [
    lambda value, other: other,  # noqa: ARG005
    lambda value, other: [value, other],
    lambda value, other: {"x": value, "y": other},
    lambda value, other: [value] * 50,  # noqa: ARG005
    lambda value, other: str(value),  # noqa: ARG005
    lambda value, other: None,  # noqa: ARG005
    lambda value, other: {**value, **other} if isinstance(value, dict) and isinstance(other, dict) else value,
    _nested,
]
