"""The steps of a flow that last: each commit, each file of the lake, each batch for the decision store."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from sqlalchemy.engine import Connection

from storage import decision_writer
from storage.database import Database
from storage.lake import Lake


class Steps:
    """Counts what lasts as it is about to be done, and ends this process with SIGKILL before the `deadly` one (1, 2, …; 0: never)."""

    def __init__(self, deadly: int) -> None:
        self.done, self._deadly = 0, deadly

    def watch(self) -> None:
        """From now on, in this process."""
        setattr(Database, "begin", self._commits(Database.begin))  # noqa: B010 - a method cannot be assigned to
        published = ((decision_writer, name) for name in ("_book", "_write_hashes", "_rewritten"))
        for place, name in ((Lake, "_put"), (Lake, "remove_file"), *published):
            setattr(place, name, self._counted(getattr(place, name)))

    def step(self) -> None:
        """Something is about to last."""
        self.done += 1
        if self.done == self._deadly:
            os.kill(os.getpid(), signal.SIGKILL)

    def _commits(self, begin: Callable[[Database], AbstractContextManager[Connection]]) -> Callable[[Database], Any]:
        @contextmanager
        def counted(database: Database) -> Iterator[Connection]:
            with begin(database) as connection:
                yield connection
                self.step()  # all is said, and nothing committed

        return counted

    def _counted(self, true: Callable[..., Any]) -> Callable[..., Any]:
        def counted(*args: Any, **options: Any) -> Any:
            self.step()
            return true(*args, **options)

        return counted
