"""The HTTP process and a client of it."""

from collections.abc import Iterator

import pytest
from fastapi.testclient import TestClient

from storage.database import Database
from storage.decision_store import DecisionStore
from tests.web.serving import Served, served
from web.app import create_app


@pytest.fixture
def parts(database: Database, decision_store: DecisionStore, redis_url: str) -> Served:
    """Real stores with one send in them."""
    return served(database, decision_store, redis_url)


@pytest.fixture
def client(parts: Served) -> Iterator[TestClient]:
    """A client that does not follow redirects and lets no exception become an answer."""
    with TestClient(create_app(parts), follow_redirects=False, base_url="http://127.0.0.1:8085") as client:
        yield client
