"""`GET /metrics` for Prometheus: how much comes in, how long answers take, what is refused and why, and how far understanding lags.

Labels come from sets that we know: routes as they are declared (never the path that was asked for), methods, statuses and our own
words for reasons. So nothing about a person, no token and no address can stand in them, and their number stays small.
"""

import hmac
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.errors import UnavailableError
from domain.signal import SignalLag
from domain.webhook import StoredTelling, Told, WaitingPost
from web.parts import Checked, Inbox, Serving
from web.recorder import Recorder
from web.visit import bearer_of, is_of_this_machine

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)  # seconds
_WAITS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 3_600.0)  # seconds
_METHODS = frozenset({"GET", "HEAD", "POST", "OPTIONS"})
_COUNTS = "letterpress.counts"  # where a request's scope keeps what its route counts


def note(request: Request, what: str, count: int = 1, reason: str = "", source: str = "") -> None:
    """Count something for the request's route: `what` is `stored`, `known` or `refused`, the latter with one of our reasons.

    `source`: the account or write key's source that it came by, as it is configured here.
    """
    if (counts := request.scope.get(_COUNTS)) is not None and count:
        counts.append((what, reason or source, count))


class Metrics:
    """The figures of one process since its start, and at the moment of asking what they lack."""

    def __init__(self, parts: Serving, recorder: Recorder) -> None:
        self.registry = CollectorRegistry()
        named: dict[str, Any] = {"registry": self.registry, "namespace": "letterpress"}
        self.seconds = Histogram("http_seconds", "Time until an answer began", ["route", "method", "status"], buckets=_BUCKETS, **named)
        self.taken = Counter("taken", "Posts and calls that are on disk: stored, or known before", ["route", "what", "source"], **named)
        self.refused = Counter("refused", "Posts and calls that were refused", ["route", "reason"], **named)
        self.understood = Counter("understood_events", "Events read from webhooks: new, known before, or nobody's", ["what"], **named)
        self.suppressed = Counter("suppressed_by_webhooks", "Addresses suppressed by what webhooks told", **named)
        waited = "Time from a post's reception until its events were stored"
        self.waited = Histogram("understanding_seconds", waited, ["provider"], buckets=_WAITS, **named)
        self.registry.register(_Now(parts, recorder))

    def answered(self, scope: Scope, status: int, seconds: float) -> None:
        """Count an answer."""
        route = str(getattr(scope.get("route"), "path", "") or "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self.seconds.labels(route, method, str(status)).observe(seconds)
        for what, whence, count in scope[_COUNTS]:
            (self.refused.labels(route, whence) if what == "refused" else self.taken.labels(route, what, whence)).inc(count)

    def told(self, told: Sequence[Told], stored: StoredTelling, at: datetime) -> None:
        """Count what was understood, and how long it had waited."""
        for provider, received_at in {(one.provider, one.received_at) for one in told}:
            self.waited.labels(provider).observe(max((at - received_at).total_seconds(), 0.0))
        for what, count in (("new", stored.new), ("known", stored.known), ("nobodys", stored.unattributed)):
            self.understood.labels(what).inc(count)
        self.suppressed.inc(stored.suppressed)


class Measured:
    """Times every request from its head to the head of its answer. The outermost of what wraps the application."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status, took = time.perf_counter(), 500, None
        scope[_COUNTS] = []

        async def send_timed(message: Message) -> None:
            nonlocal status, took
            if message["type"] == "http.response.start":
                status, took = message["status"], time.perf_counter() - began
            await send(message)

        try:
            await self._app(scope, receive, send_timed)
        finally:
            self._metrics.answered(scope, status, time.perf_counter() - began if took is None else took)


class CountedInbox:
    """An inbox whose understanding is counted."""

    def __init__(self, inbox: Inbox, metrics: Metrics) -> None:
        self._inbox, self._metrics = inbox, metrics

    def waiting(self) -> Sequence[WaitingPost]:
        """See `web.parts.Inbox`."""
        return self._inbox.waiting()

    def store(self, told: Sequence[Told], finished: Collection[str], at: datetime) -> StoredTelling:
        """See `web.parts.Inbox`."""
        stored = self._inbox.store(told, finished, at)
        self._metrics.told(told, stored, at)
        return stored


class _Now(Collector):
    """What is asked for when somebody asks. A part that does not answer is down, and what only it knows is left out."""

    def __init__(self, parts: Serving, recorder: Recorder) -> None:
        self._parts, self._recorder = parts, recorder

    def describe(self) -> list[Metric]:
        """Nothing: registering must not ask anybody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The gauges."""
        up = GaugeMetricFamily("letterpress_up", "Whether a part answers", labels=["part"])
        parts: dict[str, Checked] = {"database": self._parts.database, "decisions": self._parts.decisions}
        for name, part in parts.items():
            up.add_metric([name], float(_answers(part)))
        yield up
        yield GaugeMetricFamily("letterpress_clicks_lost", "Clicks since the start that could not be stored", self._recorder.lost)
        if self._parts.webhooks.accounts:
            with suppress(UnavailableError):
                state = self._parts.webhooks.inbox.state()
                lag = (self._parts.clock() - state.oldest_at).total_seconds() if state.oldest_at else 0.0
                yield GaugeMetricFamily("letterpress_inbox_waiting", "Posts that are kept and not understood yet", state.waiting)
                yield GaugeMetricFamily("letterpress_inbox_lag_seconds", "Age of the oldest of them", max(lag, 0.0))
        with suppress(UnavailableError):
            yield from _of_signals(self._parts.signals.lag(self._parts.clock()))


def _of_signals(lag: SignalLag) -> Iterator[Metric]:
    """How far behind those are who decide again within sessions."""
    yield GaugeMetricFamily("letterpress_signals_waiting", "Signals that no consumer has taken yet", lag.waiting)
    yield GaugeMetricFamily("letterpress_signals_taken", "Signals that a consumer has taken and not finished", lag.taken)
    yield GaugeMetricFamily("letterpress_signals_lag_seconds", "Age of the oldest of either", lag.oldest_seconds)
    yield GaugeMetricFamily("letterpress_signals_set_aside", "Signals that could not be dealt with", lag.poison)
    yield GaugeMetricFamily("letterpress_signals_consumers", "Consumers that live", lag.consumers)


def _answers(part: Checked) -> bool:
    try:
        part.check()
    except UnavailableError:
        return False
    return True


def metrics_routes(metrics: Metrics, token: str) -> APIRouter:
    """`GET /metrics`: with a token for whoever has it, else for this machine alone; 404 to everybody else."""
    router = APIRouter(include_in_schema=False)

    @router.get("/metrics")
    def figures(request: Request) -> Response:
        if not _may(request, token):
            return Response(status_code=404)
        return Response(generate_latest(metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return router


def _may(request: Request, token: str) -> bool:
    return hmac.compare_digest(bearer_of(request), token.encode()) if token else is_of_this_machine(request)
