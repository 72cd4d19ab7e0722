"""Amazon SQS as a queue of webhooks (the extra `ses`, which brings botocore)."""

from collections.abc import Sequence
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from delivery.webhooks.polling import QueueMessage
from domain.errors import InputError, UnavailableError

_AT_ONCE = 10  # SQS gives no more
_FINAL = frozenset(
    {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "AccessDenied", "InvalidClientTokenId", "InvalidAddress"}
)


class SqsQueue:
    """One queue, by its URL. Credentials are those that AWS's tools find; the region is in the URL, else theirs."""

    def __init__(self, url: str, *, wait_seconds: int = 10) -> None:
        place = urlsplit(url)
        if place.scheme not in ("https", "http") or not place.path.strip("/"):
            raise InputError("not the URL of a queue", where=url, hint="such as https://sqs.eu-west-1.amazonaws.com/123456789012/letters")
        session = Session()
        region = _region_of(place.hostname or "") or session.get_config_variable("region")
        if not region:
            raise InputError("the region of the queue is not known", where=url, hint="set AWS_REGION")
        config = Config(connect_timeout=5, read_timeout=wait_seconds + 10, retries={"max_attempts": 2})
        endpoint = f"{place.scheme}://{place.netloc}"
        self._client = session.create_client("sqs", region_name=region, endpoint_url=endpoint, config=config)
        self._url, self._wait = url, wait_seconds

    def take(self) -> list[QueueMessage]:
        """Up to ten messages; waits for the first of them."""
        found = self._call("receive_message", MaxNumberOfMessages=_AT_ONCE, WaitTimeSeconds=self._wait)
        return [QueueMessage(one["ReceiptHandle"], one["Body"].encode()) for one in found.get("Messages", ())]

    def remove(self, messages: Sequence[QueueMessage]) -> None:
        """Delete; what cannot be deleted comes again."""
        entries = [{"Id": str(place), "ReceiptHandle": message.receipt} for place, message in enumerate(messages)]
        self._call("delete_message_batch", Entries=entries)

    def _call(self, name: str, **arguments: object) -> dict[str, list[dict[str, str]]]:
        try:
            found: dict[str, list[dict[str, str]]] = getattr(self._client, name)(QueueUrl=self._url, **arguments)
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            kind = InputError if code in _FINAL or "NonExistent" in code else UnavailableError
            raise kind(f"Amazon SQS says {code}", where=self._url) from None
        except BotoCoreError as error:
            raise UnavailableError(f"Amazon SQS cannot be asked: {type(error).__name__}", where=self._url) from None
        return found


def _region_of(host: str) -> str | None:
    """Of `sqs.REGION.amazonaws.com`."""
    parts = host.split(".")
    return parts[1] if len(parts) > 3 and parts[0] == "sqs" and parts[2] == "amazonaws" else None  # noqa: PLR2004 - as many as such a name has
