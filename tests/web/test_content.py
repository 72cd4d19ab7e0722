"""Published content, served from a folder: the one thing of this process that anybody may keep."""

from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from web.content import content_routes

LASTING = "web.hero/variant-spring.01234567.json"


@pytest.fixture
def client(tmp_path: Path) -> TestClient:
    """A process over a folder with two files, beside one that is nobody's business."""
    (tmp_path / "secret.key").write_text("secret")
    for name in (LASTING, "web.hero/variant-default.json", "web.hero/.variant-spring.01234567.json.half", "web.hero/notes.txt"):
        (tmp_path / "content" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "content" / name).write_text(f'{{"file":"{name}"}}')
    app = FastAPI()
    app.include_router(content_routes(tmp_path / "content"))
    return TestClient(app)


def test_a_variants_file_may_be_kept_for_ever_and_read_by_any_page(client: TestClient) -> None:
    """Its name changes with what is in it."""
    answer = client.get(f"/content/{LASTING}")
    assert (answer.status_code, answer.json()) == (200, {"file": LASTING})
    assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert client.head(f"/content/{LASTING}").headers["etag"] == answer.headers["etag"]


def test_what_is_the_default_now_is_kept_for_a_minute(client: TestClient) -> None:
    """It follows campaign.yaml."""
    assert client.get("/content/web.hero/variant-default.json").headers["cache-control"] == "public, max-age=60"


def test_a_file_that_a_browser_has_is_not_sent_again(client: TestClient) -> None:
    """By its ETag, however many are named; with the headers that a 304 has to carry."""
    tag = client.get(f"/content/{LASTING}").headers["etag"]
    for sent in (tag, f"W/{tag}", f'"x", {tag}', "*"):
        answer = client.get(f"/content/{LASTING}", headers={"If-None-Match": sent})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
    assert client.get(f"/content/{LASTING}", headers={"If-None-Match": '"x"'}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "web.hero/variant-winter.01234567.json",
        "web.hero/notes.txt",
        "web.hero/.variant-spring.01234567.json.half",
        "../secret.key",
        "%2e%2e/secret.key",
        "..%2fsecret.key",
        "web.hero/..%2f..%2fsecret.key",
        "web.hero%2f..%2f../variants.json",
        "%2fetc/variants.json",
        "web.hero/variant-spring.01234567.json%00",
        "web.hero/%0avariants.json",
    ],
)
def test_nothing_else_can_be_asked_for(client: TestClient, path: str) -> None:
    """No other file of the folder, and none outside it."""
    answer = client.get(f"/content/{path}")
    assert (answer.status_code, b"secret" in answer.content) == (404, False)


def test_without_a_folder_everything_is_elsewhere() -> None:
    """A CDN in front of a bucket has it."""
    app = FastAPI()
    app.include_router(content_routes(None))
    assert TestClient(app).get(f"/content/{LASTING}").status_code == 404
