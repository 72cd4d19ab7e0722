"""The floor: a plain ASGI handler that does one Redis GET. `python -m benchmarks.paging.floor lean|redis_py REDIS_URL`

On the same uvicorn, event loop and HTTP parser as ours. `lean` shares one pipelined connection among all requests, as ours does, without
time limit or breaker being of use to it; `redis_py` uses redis-py's asyncio client with its pool, as most would. It knows no tokens, no
content, no placements: what it gets is what it answers.
"""

import gc
import signal
import sys
from typing import Any

import redis.asyncio
import uvicorn

from domain.serving import Trouble
from letterpress.commands.serve import _listening
from storage.redis_link import SharedRedis
from storage.redis_wire import RedisPlace, packed

_PATIENCE = 5.0


class Floor:
    """The handler. `get` reads a key."""

    def __init__(self, kind: str, url: str) -> None:
        self._lean = SharedRedis(RedisPlace.of(url), _PATIENCE) if kind == "lean" else None
        self._pool = redis.asyncio.Redis.from_url(url)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        value = await self._get(b"floor:" + scope["query_string"].partition(b"recipient=")[2])
        body = b'{"value":"%b"}' % (value or b"")
        headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _get(self, key: bytes) -> bytes | None:
        if self._lean is None:
            found: Any = await self._pool.get(key)
            return found  # type: ignore[no-any-return]
        asked = self._lean.ask(packed(b"GET", key), 1)
        answers = asked if isinstance(asked, Trouble) else await asked
        return None if isinstance(answers, Trouble) else answers[0]

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        if self._lean is not None:
            await self._lean.start(_PATIENCE)
        gc.set_threshold(50_000, 50, 100)
        gc.freeze()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await send({"type": "lifespan.shutdown.complete"})


def main() -> None:
    """Serve until ended; the address is said on standard error as ours says it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with _listening("127.0.0.1", 0) as listening:
        print(f"serving http://127.0.0.1:{listening.getsockname()[1]}", file=sys.stderr, flush=True)
        options = uvicorn.Config(Floor(sys.argv[1], sys.argv[2]), log_config=None, access_log=False, server_header=False)
        uvicorn.Server(options).run(sockets=[listening])


if __name__ == "__main__":
    main()
