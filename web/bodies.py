"""Bodies of requests that hold JSON: as they come or gzipped, and never larger than allowed, packed or unpacked. Pure."""

import json
import zlib

import orjson

_GZIP = 31  # zlib's way of asking for gzip's header and checksum


class BadBody(ValueError):  # noqa: N818 - reads as what was sent
    """A body that cannot be taken. `status` is the answer to it."""

    def __init__(self, status: int, why: str) -> None:
        self.status, self.why = status, why
        super().__init__(why)


def unpacked(body: bytes, encoding: str, most: int) -> bytes:
    """The body as it was before it was packed; never unpacks more than `most` bytes. Raises BadBody."""
    if encoding in {"", "identity"}:
        plain = body
    elif encoding == "gzip":
        plain = _inflated(body, most)
    else:
        raise BadBody(415, "packed in a way that is not known here; gzip is")
    if len(plain) > most:
        raise BadBody(413, "larger than may be sent at once")
    return plain


def parsed(body: bytes) -> object:
    """The JSON document of a body; NaN and infinities, which some clients write, are let pass. Raises BadBody."""
    try:
        return orjson.loads(body)
    except ValueError:
        pass
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise BadBody(400, "not a JSON document") from None


def _inflated(body: bytes, most: int) -> bytes:
    inflating = zlib.decompressobj(_GZIP)
    try:
        plain = inflating.decompress(body, most + 1)
    except zlib.error:
        raise BadBody(400, "not gzip") from None
    if len(plain) > most:
        raise BadBody(413, "larger than may be sent at once")
    if not inflating.eof or inflating.unused_data:
        raise BadBody(400, "gzip that ends too early or too late")
    return plain
