"""Connections to Redis: with a time-out, tried once more where one had gone stale, and named without its password."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from domain.errors import InputError, UnavailableError


def client_of(url: str, budget: timedelta) -> redis.Redis:
    """A client that waits so long at most for each answer. InputError for what is no URL. Nothing is connected yet."""
    seconds = budget.total_seconds()
    try:
        return redis.Redis.from_url(url, socket_timeout=seconds, socket_connect_timeout=seconds, retry=Retry(NoBackoff(), 1))
    except ValueError:
        raise InputError("not a Redis URL", hint="such as redis://host:6379/0 or unix:///path/to/redis.sock") from None


def place_of(url: str) -> str:
    """The URL for messages: without password and options."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()


@contextmanager
def answering(what: str, place: str | None = None) -> Iterator[None]:
    """Within, a server's failure becomes UnavailableError; `what` did not answer, at this place."""
    try:
        yield
    except (RedisError, OSError) as error:
        raise unavailable(what, place, error) from None


def unavailable(what: str, place: str | None, error: Exception) -> UnavailableError:
    """What is raised where Redis does not answer."""
    hint = "see `letterpress up`" if place else None
    return UnavailableError(f"{what}: {type(error).__name__}", where=place, hint=hint)
