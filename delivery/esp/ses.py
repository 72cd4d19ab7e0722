"""Amazon SES v2 SendEmail, one letter's very bytes per call: docs.aws.amazon.com/ses/latest/APIReference-V2 (`docs/esp/ses.md`).

The only file that needs botocore (the extra `ses`), for credentials and signatures; the calls are made like all others.
"""

import re
from base64 import b64encode
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
from delivery.esp.provider import OUR_ID, Limits, Outcome, Request, Response
from delivery.esp.ses_signing import signed
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
_UNVERIFIED = "not verified"  # told as MessageRejected: of the sender, or in the sandbox of anybody

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

    # SendBulkEmail takes 50, but of one body. The letter may have 40 MB once it is in base64.
    limits: ClassVar[Limits] = Limits(messages=1, bytes=40_000_000)
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

    def build(self, batch: Sequence[Letter]) -> Request:
        """POST /v2/email/outbound-emails. Our id is a tag, which events of a configuration set bring back."""
        (letter,) = batch
        message: dict[str, object] = {
            "Destination": {"ToAddresses": [letter.address]},
            "Content": {"Raw": {"Data": b64encode(letter.mime).decode()}},
            "EmailTags": [{"Name": OUR_ID, "Value": letter.message_id}],
        }
        if self.configuration_set:
            message["ConfigurationSetName"] = self.configuration_set
        return self._signed("POST", "/v2/email/outbound-emails", orjson.dumps(message))

    def classify(self, batch: Sequence[Letter], outcome: Outcome) -> tuple[Answer, ...]:
        """200 with the id that SES also makes the Message-ID of."""
        if not isinstance(outcome, Response):
            return not_taken(batch, outcome)
        if is_clear_yes(outcome, OK):
            return all_accepted(batch, [own_id(document(outcome), "MessageId")])
        kind, message = _kind(outcome), _message(outcome)
        throttled = {outcome.status} if kind in _TOO_FAST else THROTTLED
        if kind in _ABOUT_US or _UNVERIFIED in message:
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
