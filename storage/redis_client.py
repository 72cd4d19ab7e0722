"""Connections to Redis: with a time-out, tried once more where one had gone stale, and named without its password."""

from datetime import timedelta
from urllib.parse import urlsplit

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from domain.errors import InputError


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
