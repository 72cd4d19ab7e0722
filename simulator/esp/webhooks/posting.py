"""One post to a receiver: the exact bytes, and the headers that vouch for them."""

from collections.abc import Mapping
from dataclasses import dataclass

import orjson


@dataclass(frozen=True, slots=True)
class Posting:
    """A POST."""

    body: bytes
    headers: Mapping[str, str]


def json_posting(content: object, headers: Mapping[str, str]) -> Posting:
    """A JSON document to post."""
    return Posting(orjson.dumps(content), {"content-type": "application/json", **headers})
