"""Amazon SES v2, by body: docs.aws.amazon.com/ses/latest/APIReference-V2 (`docs/esp/ses.md`).

Letters of one body are entries of one SendBulkEmail with an inline template; a letter by itself is sent as its very bytes. The only
file that needs botocore (the extra `ses`), for credentials and signatures; the calls are made like all others.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar

import orjson
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.session import Session

from delivery.answers import Answer
from delivery.esp.address import EspAddress
from delivery.esp.bodies import document, own_id, words
from delivery.esp.endpoint import Endpoint, endpoint_of, secret_of
from delivery.esp.http_answers import THROTTLED, all_accepted, is_clear_yes, key_fault, not_taken
from delivery.esp.provider import Limits, Outcome, Request, Response
from delivery.esp.ses_calls import UNVERIFIED, headers_of, results, shared, takes, whole
from delivery.esp.ses_signing import signed
from delivery.esp.shared_body import HANDLEBARS, Language, form_of
from domain.errors import UnavailableError
from domain.message import Letter

OK = 200
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d")

# Errors by their type; the status of most is 400.
_TOO_FAST = frozenset({"TooManyRequestsException", "ThrottlingException", "Throttling", "LimitExceededException"})
_ABOUT_US = frozenset(
    {
        "AccountSuspendedException",
        "SendingPausedException",
        "MailFromDomainNotVerifiedException",
        "NotFoundException",  # of the configuration set
        "AccessDeniedException",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_SINGLE, _BULK = "/v2/email/outbound-emails", "/v2/email/outbound-bulk-emails"

Credentials = Callable[[], ReadOnlyCredentials]


@dataclass(frozen=True, slots=True)
class Ses:
    """An AWS account in one region. `clock` dates the signatures."""

    name: str
    endpoint: Endpoint
    region: str
    configuration_set: str | None
    credentials: Credentials = field(repr=False)
    clock: Callable[[], datetime]

    limits: ClassVar[Limits] = Limits(messages=1, bytes=40_000_000)  # of a message in base64
    together: ClassVar[Limits] = Limits(messages=50, bytes=1_000_000)  # "Using templates": a call with an inline template, as JSON
    values_at_most: ClassVar[int] = 250_000  # of 262,144 characters of template data as JSON
    language: ClassVar[Language] = HANDLEBARS
    remembers: ClassVar[timedelta | None] = None

    @staticmethod
    def at(address: EspAddress) -> "Ses":
        """`ses://ACCESS_KEY_ID:SECRET@?region=eu-west-1`; without a key, whatever botocore finds on this machine."""
        region = address.options.get("region", "")
        if not _REGION.fullmatch(region):
            raise address.mistake("ses needs the region", "such as ses://KEY_ID:SECRET@?region=eu-west-1")
        host = f"email.{region}.amazonaws.com"
        endpoint = endpoint_of(address, host, "region", "configuration_set")
        elsewhere = "" if endpoint.place == host else f"@{endpoint.place}"
        return Ses(
            name=f"ses:{region}{elsewhere}",
            endpoint=endpoint,
            region=region,
            configuration_set=address.options.get("configuration_set"),
            credentials=_credentials(address),
            clock=lambda: datetime.now(UTC),
        )

    def admits(self, letter: Letter) -> bool:
        """A subject, and headers that an entry takes."""
        form = letter.form
        return form is not None and form.subject.texts != ("",) and all(map(takes, headers_of(form, letter)))

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v2/email/outbound-emails or -bulk-emails. Our id is a tag, which events of a configuration set bring back."""
        message = whole(batch[0]) if len(batch) == 1 else shared(batch, *form_of(batch, HANDLEBARS))
        if self.configuration_set:
            message["ConfigurationSetName"] = self.configuration_set
        return self._signed("POST", _SINGLE if len(batch) == 1 else _BULK, orjson.dumps(message))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with the id that SES also makes the Message-ID of; of a bulk call, with a result for each entry."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        if is_clear_yes(outcome, OK):
            told = document(outcome)
            return results(batch, told) if len(batch) > 1 else all_accepted(batch, [own_id(told, "MessageId")])
        kind, message = _kind(outcome), _message(outcome)
        throttled = {outcome.status} if kind in _TOO_FAST else THROTTLED
        if kind in _ABOUT_US or UNVERIFIED in message:
            return not_taken(batch, outcome, f"{kind} {message}", about_us={outcome.status})
        return not_taken(batch, outcome, f"{kind} {message}", throttled=throttled)

    def probe(self) -> Request:
        """The account's quota and whether it may send."""
        return self._signed("GET", "/v2/email/account")

    def fault(self, response: Response) -> str | None:
        """Credentials that are refused, or an account that may not send."""
        if fault := key_fault(response, f"{_kind(response)} {_message(response)}"):
            return fault
        told = document(response)
        return "sending is paused for the account" if isinstance(told, dict) and told.get("SendingEnabled") is False else None

    def _signed(self, method: str, target: str, body: bytes = b"") -> Request:
        request = Request(method, target, {"Content-Type": "application/json", "Accept": "application/json"}, body)
        url = self.endpoint.url + self.endpoint.prefix + target
        return signed(request, url, self.region, self.credentials(), self.clock())


def _kind(response: Response) -> str:
    """The type of an error, from the header or from the body: `Name`, `Name:http://…` or `namespace#Name`."""
    told = document(response)
    kind = response.headers.get("x-amzn-errortype") or words(told, "__type") or words(told, "code")
    return kind.partition(":")[0].rpartition("#")[2]


def _message(response: Response) -> str:
    told = document(response)
    return words(told, "message") or words(told, "Message")


def _credentials(address: EspAddress) -> Credentials:
    """The address's own, else botocore's: environment, profile, or the machine's role, refreshed as they run out."""
    if address.username or address.password or "secret_file" in address.options:
        secret = secret_of(address, "a secret access key")
        if not address.username:
            raise address.mistake("ses needs the access key id before the secret", "such as ses://KEY_ID:SECRET@?region=eu-west-1")
        fixed = ReadOnlyCredentials(address.username, secret, None)
        return lambda: fixed
    try:
        found = Session().get_credentials()
    except BotoCoreError as error:
        raise address.mistake(f"botocore cannot read this machine's AWS settings: {type(error).__name__}") from None
    if found is None:
        hint = "put KEY_ID:SECRET@ into the address, or give this machine a role"
        raise address.mistake("ses has no credentials in its address, and none are found on this machine", hint)

    def current() -> ReadOnlyCredentials:
        try:
            return found.get_frozen_credentials()
        except BotoCoreError as error:
            raise UnavailableError(f"the credentials cannot be refreshed: {type(error).__name__}", where="ses") from None

    return current
