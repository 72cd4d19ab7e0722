"""Fetches what stands at an address: what a verified post of Amazon SNS points to, and published content as readers get it."""

from dataclasses import dataclass
from functools import cache

import urllib3

from domain.errors import UnavailableError

_PATIENCE = urllib3.Timeout(connect=3, read=5)  # seconds: SNS waits 15 for our answer
_MOST = 65_536  # bytes
_OK = 200
_READERS_PATIENCE = urllib3.Timeout(connect=5, read=10)


@dataclass(frozen=True, slots=True)
class Fetched:
    """An answer: its HTTP status, and its body with content codings undone."""

    status: int
    body: bytes


def fetch_content(url: str) -> Fetched:
    """What readers get at an address of published content, wherever it points to not followed. UnavailableError where nothing answers."""
    headers = {"Accept": "application/json", "Accept-Encoding": "gzip, deflate", "User-Agent": "letterpress"}
    try:
        answer = _content_pool().request("GET", url, headers=headers, timeout=_READERS_PATIENCE, redirect=False, retries=False)
        return Fetched(answer.status, answer.data)
    except (urllib3.exceptions.HTTPError, ValueError) as error:
        raise UnavailableError(f"nothing answers at {url}: {type(error).__name__}") from None


@cache
def _content_pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(num_pools=4, maxsize=8, cert_reqs="CERT_REQUIRED")


def fetch(url: str) -> bytes:
    """What stands there, over verified TLS, wherever it points to not followed. Raises UnavailableError. Who calls checks the host."""
    try:
        answer = _pool().request("GET", url, timeout=_PATIENCE, redirect=False, retries=False, preload_content=False)
        try:
            body: bytes = answer.read(_MOST + 1, decode_content=False)
        finally:
            answer.close()
    except urllib3.exceptions.HTTPError as error:
        raise UnavailableError(f"Amazon SNS does not answer: {type(error).__name__}") from None
    if answer.status != _OK or len(body) > _MOST:
        raise UnavailableError(f"Amazon SNS answers with status {answer.status} or too much")
    return body


@cache
def _pool() -> urllib3.PoolManager:
    return urllib3.PoolManager(num_pools=4, maxsize=2, cert_reqs="CERT_REQUIRED")
