"""The HTTP process: decisions for the web, and the links of letters. Nothing here knows frames or models."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from domain.errors import InputError, LetterpressError, UnavailableError
from web import pages
from web.catalogue import Catalogue
from web.decisions import decision_routes
from web.health import health_routes
from web.links import link_routes
from web.parts import Serving
from web.recorder import Recorder
from web.safety import SafeAnswers, SmallRequests

_log = logging.getLogger(__name__)
_PEOPLE = ("/c/", "/u/")  # paths where a person reads the answer


def create_app(parts: Serving) -> FastAPI:
    """The application over these parts. Nothing is connected to before the first request."""
    recorder = Recorder(parts.events)
    catalogue = Catalogue(parts.contents, parts.sends, parts.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        gc.freeze()  # what is loaded by now lives as long as the process; scanning it again is most of the slow answers
        yield
        gc.unfreeze()
        recorder.close()

    app = FastAPI(title="Letterpress", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.add_middleware(SmallRequests)
    app.add_middleware(SafeAnswers)
    app.include_router(health_routes(parts, recorder))
    app.include_router(decision_routes(parts, catalogue))
    app.include_router(link_routes(parts, catalogue, recorder))
    app.add_exception_handler(LetterpressError, _ours)
    app.add_exception_handler(HTTPException, _protocol)
    app.add_exception_handler(RequestValidationError, _invalid)
    return app


async def _ours(request: Request, error: Exception) -> Response:
    """Our errors: 404 for what was not made here, 503 for what is away, 500 for the rest. Never their text to strangers."""
    status = 503 if isinstance(error, UnavailableError) else 404 if isinstance(error, InputError) else 500
    if not isinstance(error, InputError):
        _log.warning("%s: %s", type(error).__name__, error)
    if not request.url.path.startswith(_PEOPLE):
        return JSONResponse({"detail": "not available at present" if status != 404 else "not known"}, status)  # noqa: PLR2004
    return pages.broken_link() if isinstance(error, InputError) else pages.try_again()


async def _protocol(request: Request, error: Exception) -> Response:
    """Wrong path or method."""
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it alone
    if request.url.path.startswith(_PEOPLE):
        answer: Response = pages.not_here(error.status_code)
        answer.headers.update(error.headers or {})
        return answer
    return JSONResponse({"detail": error.detail}, error.status_code, headers=dict(error.headers or {}))


async def _invalid(_request: Request, error: Exception) -> Response:
    """A parameter that is missing or out of bounds: which one and why, without repeating what was given."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it alone
    faults = [f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()]
    return JSONResponse({"detail": faults}, 422)
