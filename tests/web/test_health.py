"""Health: whether the process lives, and whether what it stands on answers."""

from fastapi.testclient import TestClient

from tests.web.serving import Gone, Served
from web.app import create_app


def test_a_living_process_says_so(client: TestClient) -> None:
    """healthz asks nobody else."""
    assert client.get("/healthz").json() == {"status": "ok"}


def test_ready_when_everything_answers(client: TestClient) -> None:
    """readyz asks the database and the decision store."""
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert answer.json() == {"ready": True, "parts": {"database": "ok", "decisions": "ok"}, "events_lost": 0}


def test_not_ready_without_a_part(parts: Served) -> None:
    """What is away is named, and where it is is not told."""
    parts.decisions = Gone()
    answer = TestClient(create_app(parts)).get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": "ok", "decisions": "unavailable"}
    assert "secret" not in answer.text
