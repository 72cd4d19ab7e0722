"""`POST /webhooks/{account}`: what ESPs tell. Verified over the raw bytes, kept durably, answered; understood later.

2xx is said only of what is on disk. Whatever else happens, ESPs repeat their posts, and so does this: 401 rather than the codes on
which Postmark (403) and Mailgun (406) give up, because a secret may be wrong on our side until somebody mends it.
"""

from asyncio import Lock
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from delivery.webhooks import sns
from delivery.webhooks.accounts import Account
from delivery.webhooks.posts import Forged, RawPost, Secrets, Verdict, Verified, Wanted
from domain.errors import UnavailableError
from domain.webhook import WebhookPost
from web.metrics import note
from web.parts import Serving, Webhooks
from web.webhook_writer import WebhookWriter

_AT_ONCE = 64_000_000  # bytes of bodies held at a time
_LATER, _SOON = "30", "2"  # seconds
_CERTIFICATES = 16  # kept; SNS has one per region, and changes it every few months
_UNDERSTOOD_BY = ("content-type", "svix-id", "webhook-id")  # the headers that are kept; never those that vouch
_TEXTS = ("application/json", "text/", "application/x-www-form-urlencoded", "application/x-amz")
_ANSWERS: dict[int | str, dict[str, Any]] = {
    401: {"description": "not from this account's provider, or too old"},
    404: {"description": "no such account"},
    413: {"description": "larger than this server takes"},
    415: {"description": "neither JSON nor a form, or packed"},
    503: {"description": "cannot be kept now; again later"},
}


class _Refused(Exception):  # noqa: N818 - reads as what was done
    """The answer, if it is not 200."""

    def __init__(self, status: int, why: str, **headers: str) -> None:
        self.answer = JSONResponse({"detail": why}, status, headers={name.replace("_", "-"): value for name, value in headers.items()})
        super().__init__(why)


def room_for(webhooks: Webhooks) -> Mapping[str, int]:
    """How many bytes a body may have, by path."""
    return {f"/webhooks/{name}": account.provider.most for name, account in webhooks.accounts.items()}


def webhook_routes(parts: Serving, writer: WebhookWriter) -> APIRouter:
    """The route. HEAD answers 200 for an account: Mailchimp asks before it adds a webhook."""
    router = APIRouter()
    desk = _Desk(parts, writer)

    @router.post("/webhooks/{account}", responses=_ANSWERS)
    async def webhook(account: str, request: Request) -> Response:
        """Take what the ESP of an account tells."""
        try:
            return await desk.take(account, request)
        except _Refused as refused:
            note(request, "refused", reason=str(refused))
            return refused.answer
        except UnavailableError:
            return _Refused(503, "not available at present", retry_after=_LATER).answer

    @router.head("/webhooks/{account}", include_in_schema=False)
    async def there(account: str) -> Response:
        return Response(status_code=200 if account in parts.webhooks.accounts else 404)

    return router


@dataclass(slots=True)
class _Desk:
    """Takes posts. Lives in one event loop: `held` and `certificates` need no lock."""

    parts: Serving
    writer: WebhookWriter
    held: int = 0
    certificates: dict[str, bytes] = field(default_factory=dict)
    fetching: Lock = field(default_factory=Lock)

    async def take(self, name: str, request: Request) -> Response:
        account = self.parts.webhooks.accounts.get(name)
        if account is None:
            raise _Refused(404, "no such account")
        _check_kind(request)
        post = RawPost(dict(request.headers), b"", f"{self.parts.webhooks.public_url.rstrip('/')}/webhooks/{name}")
        if not account.provider.signs:
            await self._judged(account, post)  # a password is in the head: nobody without it has their body read
        with self._room(request, account.provider.most):
            post = replace(post, body=await request.body())
            await self._keep(account, post, await self._judged(account, post))
            if confirmation := sns.confirmation_url(post.body) if account.provider.name == "ses" else None:
                await run_in_threadpool(self.parts.webhooks.fetch, confirmation)
        note(request, "stored", source=name)
        return JSONResponse({"kept": True})

    async def _keep(self, account: Account, post: RawPost, verified: Verified) -> None:
        headers = {name: post.headers[name] for name in _UNDERSTOOD_BY if name in post.headers}
        at, about = self.parts.clock(), (verified.token, verified.about)
        if not await self.writer.keep(WebhookPost(account.name, account.provider.name, headers, post.body, at, *about)):
            raise _forged("the token was used before")

    async def _judged(self, account: Account, post: RawPost) -> Verified:
        verdict = self._verdict(account, post)
        if isinstance(verdict, Wanted):
            await self._fetch(verdict.url)
            verdict = self._verdict(account, post)
        if not isinstance(verdict, Verified):
            raise _forged(verdict.reason if isinstance(verdict, Forged) else "the certificate cannot be had")
        return verdict

    def _verdict(self, account: Account, post: RawPost) -> Verdict:
        return account.provider.verify(post, Secrets(account.secrets, self.certificates), self.parts.clock())

    async def _fetch(self, url: str) -> None:
        """A certificate of Amazon's: what is verified by it is signed by whoever holds that name, as TLS has made sure.

        One at a time: whoever knows a topic can ask for any address there, and a thousand posts at once all want the same one.
        """
        async with self.fetching:
            if url not in self.certificates:
                pem = await run_in_threadpool(self.parts.webhooks.fetch, url)
                kept = list(self.certificates.items())[-_CERTIFICATES + 1 :]
                self.certificates = dict([*kept, (url, pem)])

    @contextmanager
    def _room(self, request: Request, most: int) -> Iterator[None]:
        announced = request.headers.get("content-length", "")
        size = int(announced) if announced.isdecimal() and announced.isascii() else most
        if self.held + size > _AT_ONCE:
            raise _Refused(503, "too much at once", retry_after=_SOON)
        self.held += size
        try:
            yield
        finally:
            self.held -= size


def _forged(why: str) -> _Refused:
    return _Refused(401, why, www_authenticate='Basic realm="webhooks"')


def _check_kind(request: Request) -> None:
    kind = request.headers.get("content-type", "application/json").strip().lower()
    if not kind.startswith(_TEXTS) or request.headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise _Refused(415, "neither JSON nor a form, or packed")
