"""The HTTP process: decisions for the web, and the links of letters. Nothing here knows frames or models."""

import gc
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException
from starlette.types import Receive, Scope, Send

from domain.errors import InputError, LetterpressError, UnavailableError
from web import pages
from web.catalogue import Catalogue
from web.content import content_routes
from web.decisions import decision_routes
from web.events import ROOM, event_routes
from web.health import health_routes
from web.latency_watch import LatencyWatch
from web.links import link_routes
from web.metrics import CountedInbox, Measured, Metrics, metrics_routes
from web.parts import Serving
from web.placement_figures import PlacementCollector
from web.placement_routes import placement_routes
from web.placements import PlacementServer, is_ours
from web.recorder import Recorder
from web.safety import SafeAnswers, SmallRequests
from web.script import script_routes
from web.understanding import Understanding
from web.webhook_writer import WebhookWriter
from web.webhooks import room_for, webhook_routes

_log = logging.getLogger(__name__)
_OFTEN = gc.get_threshold()
_SELDOM = (50_000, 50, 100)  # allocations between two collections: requests make no cycles, so there is little to collect
_PEOPLE = ("/c/", "/u/", "/v/")  # paths where a person reads the answer


class Application(FastAPI):
    """FastAPI, but for placements: those are answered before it does anything."""

    placements: PlacementServer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """See FastAPI."""
        if scope["type"] == "http" and is_ours(scope["path"]):
            await self.placements(scope, receive, send)
        else:
            await super().__call__(scope, receive, send)


def create_app(parts: Serving) -> FastAPI:
    """The application over these parts. Nothing is connected to before the first request."""
    recorder = Recorder(parts.events)
    catalogue = Catalogue(parts.contents, parts.sends, parts.clock)
    metrics = Metrics(parts, recorder)
    understanding = Understanding(CountedInbox(parts.webhooks.inbox, metrics), parts.clock)
    writer = WebhookWriter(parts.webhooks.inbox, understanding.wake)
    placements = PlacementServer(parts)
    metrics.registry.register(PlacementCollector(placements.figures, lambda: parts.placements.reader.circuit))
    latency = LatencyWatch(placements.figures, parts.placements.figures, parts.placements.slow_ms, parts.clock)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        if parts.webhooks.accounts:
            writer.start()
            understanding.start()
        await placements.start()
        latency.start()
        gc.set_threshold(*_SELDOM)
        gc.freeze()  # what is loaded by now lives as long as the process; scanning it again is most of the slow answers
        yield
        gc.unfreeze()
        gc.set_threshold(*_OFTEN)
        latency.close()
        placements.close()
        if parts.webhooks.accounts:
            writer.close()
            understanding.close()
        recorder.close()

    app = Application(title="Letterpress", version="1", lifespan=lifespan, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.placements = placements
    app.add_middleware(SmallRequests, room={**ROOM, **room_for(parts.webhooks)})
    app.add_middleware(SafeAnswers)
    app.add_middleware(Measured, metrics=metrics)
    app.include_router(webhook_routes(parts, writer))  # first: routes are tried in turn, and ESPs come most often
    app.include_router(health_routes(parts, recorder))
    app.include_router(metrics_routes(metrics, parts.metrics_token))
    app.include_router(decision_routes(parts, catalogue))
    app.include_router(placement_routes())
    app.include_router(script_routes())
    app.include_router(event_routes(parts))
    app.include_router(content_routes(parts.content_folder))
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
