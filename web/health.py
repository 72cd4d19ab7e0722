"""Whether the process lives, and whether what it stands on answers."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from fastapi import APIRouter, Response

from domain.errors import UnavailableError
from web.parts import Checked, Serving
from web.recorder import Recorder

State = Literal["ok", "unavailable"]


@dataclass(frozen=True, slots=True)
class Readiness:
    """Which parts answer. `events_lost`: clicks since the start that could not be stored, though their readers were sent on."""

    ready: bool
    parts: Mapping[str, State]
    events_lost: int


def health_routes(parts: Serving, recorder: Recorder) -> APIRouter:
    """`GET /healthz` and `GET /readyz`; neither tells where anything is."""
    router = APIRouter()

    @router.get("/healthz")
    async def healthz() -> dict[str, State]:
        """The process answers."""
        return {"status": "ok"}

    @router.get("/readyz", responses={503: {"description": "something it stands on does not answer", "model": Readiness}})
    def readyz(response: Response) -> Readiness:
        """The database and the decision store answer. Without the latter, defaults are served all the same."""
        states: dict[str, State] = {"database": _state(parts.database), "decisions": _state(parts.decisions)}
        ready = all(state == "ok" for state in states.values())
        response.status_code = 200 if ready else 503
        return Readiness(ready, states, recorder.lost)

    return router


def _state(part: Checked) -> State:
    try:
        part.check()
    except UnavailableError:
        return "unavailable"
    return "ok"
