"""Redis over HTTP, as Upstash speaks it, as far as reading goes: `POST /pipeline` with a list of commands."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import redis

TOKEN = "a-read-only-token"


def http_redis(url: str) -> ThreadingHTTPServer:
    """A server in front of this Redis, on any free port, for who has the token."""
    client = redis.Redis.from_url(url, decode_responses=True)

    class Door(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            commands = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            told = [{"result": _told(client, *command)} for command in commands]
            right = self.path == "/pipeline" and self.headers["Authorization"] == f"Bearer {TOKEN}"
            body = json.dumps(told if right else {"error": "Unauthorized"}).encode()
            self.send_response(200 if right else 401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    return ThreadingHTTPServer(("127.0.0.1", 0), Door)


def _told(client: "redis.Redis", name: str, *arguments: str) -> object:
    if name == "HGETALL":
        found: Any = client.hgetall(*arguments)
        return [part for pair in found.items() for part in pair]
    assert name == "HGET", name
    return client.hget(*arguments)
