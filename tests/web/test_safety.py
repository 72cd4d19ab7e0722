"""What every answer carries and no request may exceed."""

import base64
import hashlib
from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from tests.web.serving import SIGNER, STATIC, message
from web.safety import MOST_BODY

LEAVE = SIGNER.sign_unsubscribe(message())
CLICK = SIGNER.sign_click(message(), STATIC, 1)


@pytest.mark.parametrize("path", ["/healthz", "/readyz", f"/u/{LEAVE}", f"/c/{CLICK}", "/c/x", "/nothing"])
def test_every_answer_is_guarded(client: TestClient, path: str) -> None:
    """No framing, sniffing, caching, indexing, referring; no script can run; nothing is loaded from elsewhere."""
    headers = client.get(path).headers
    assert headers["content-security-policy"].startswith("default-src 'none'; style-src 'sha256-")
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")
    assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
    assert "set-cookie" not in headers


def test_the_pages_own_style_is_the_one_allowed(client: TestClient) -> None:
    """The policy names the hash of exactly the style that pages carry."""
    answer = client.get(f"/u/{LEAVE}")
    style = answer.text.partition("<style>")[2].partition("</style>")[0]
    allowed = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert f"'sha256-{allowed}'" in answer.headers["content-security-policy"]


def test_pages_stand_by_themselves(client: TestClient) -> None:
    """No script and no asset from anywhere."""
    text = client.get(f"/u/{LEAVE}").text
    assert not [word for word in ("<script", "<link", "<img", "http:", "https:", "url(", "@import") if word in text]
    assert '<html lang="en">' in text
    assert "<title>" in text


def test_an_announced_large_body_is_refused(client: TestClient) -> None:
    """413 before anything is read or done."""
    assert client.post(f"/u/{LEAVE}", content=b"x" * (MOST_BODY + 1)).status_code == 413


def test_an_endless_body_is_refused(client: TestClient) -> None:
    """A body without an announced length is cut off at the same size."""

    def drip() -> Iterator[bytes]:
        for _ in range(MOST_BODY // 1_000 + 2):
            yield b"x" * 1_000

    assert client.post(f"/u/{LEAVE}", content=drip()).status_code == 413


def test_a_wrong_method_is_told_which_are_right(client: TestClient) -> None:
    """405 with Allow, as a page where people look and as JSON elsewhere."""
    page, json = client.put("/u/x"), client.post("/healthz")
    assert (page.status_code, json.status_code) == (405, 405)
    assert "GET" in page.headers["allow"] or "POST" in page.headers["allow"]
    assert json.json() == {"detail": "Method Not Allowed"}
