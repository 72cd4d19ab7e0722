"""The append-only file of a Redis server: it remembers every command ever given, until it is written anew."""

import time
from datetime import timedelta

import redis

from domain.errors import UnavailableError

PATIENCE = timedelta(minutes=5)


def rewrite_log(client: redis.Redis, where: str) -> None:
    """Have the server write its file anew, without what was removed; returns when it has. Servers that keep none have nothing to do.

    RedisError and OSError as the client raises them; UnavailableError if it takes too long.
    """
    if not client.info("persistence").get("aof_enabled"):
        return
    _await_log(client, where)  # one that is under way began before
    client.bgrewriteaof()
    _await_log(client, where)


def _await_log(client: redis.Redis, where: str) -> None:
    deadline = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < deadline:
        said = client.info("persistence")
        if not said.get("aof_rewrite_in_progress") and not said.get("aof_rewrite_scheduled"):
            return
        time.sleep(0.05)
    raise UnavailableError("Redis does not finish writing its file anew", where=where)
