"""Events from a queue are on disk before they leave it."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest

from delivery.webhooks.accounts import accounts_of
from delivery.webhooks.polling import Polled, QueueMessage, poll
from domain.errors import InputError, UnavailableError
from domain.webhook import WebhookPost
from tests.delivery.webhooks.vectors import NOW, TOPIC, topic

ACCOUNT = accounts_of(f"aws=ses:{TOPIC}")["aws"]
OURS = QueueMessage("1", topic().post().body)
BARE = QueueMessage("2", b'{"eventType": "Open"}')
THEIRS = QueueMessage("3", topic().post(TopicArn=TOPIC + "-of-others").body)


@dataclass
class Shelf:
    """A queue and an inbox. `faults`: what they answer in turn, before anything else."""

    messages: list[QueueMessage]
    faults: list[str] = field(default_factory=list)
    kept: list[bytes] = field(default_factory=list)
    deeds: list[str] = field(default_factory=list)

    def take(self) -> Sequence[QueueMessage]:
        """What is there."""
        self._do("take")
        return list(self.messages)

    def append(self, given: Sequence[WebhookPost]) -> None:
        """Keep."""
        self._do("keep")
        self.kept += [post.body for post in given]

    def remove(self, messages: Sequence[QueueMessage]) -> None:
        """Take out."""
        self._do("remove")
        self.messages = [message for message in self.messages if message not in messages]

    def _do(self, deed: str) -> None:
        if self.faults and self.faults[0] == deed:
            self.faults.pop(0)
            raise UnavailableError("away")
        self.deeds.append(deed)


def polled(shelf: Shelf, rounds: int = 6) -> Polled:
    """Some rounds."""
    left = iter(range(rounds))
    go_on, pause = (lambda _: next(left, None) is not None), (lambda: shelf.deeds.append("pause"))
    return poll(shelf, shelf, ACCOUNT, clock=lambda: NOW, go_on=go_on, kept=lambda: shelf.deeds.append("kept"), pause=pause)


def test_kept_before_it_is_removed() -> None:
    """Messages in envelopes and bare ones are kept, then removed, then understood."""
    shelf = Shelf([OURS, BARE])
    assert polled(shelf, 1) == Polled(2, 0)
    assert (shelf.deeds, shelf.kept, shelf.messages) == (["take", "keep", "remove", "kept"], [OURS.body, BARE.body], [])


def test_topics_of_others_stay() -> None:
    """What says that it is of another topic is neither kept nor removed."""
    shelf = Shelf([THEIRS])
    assert polled(shelf, 1) == Polled(0, 1)
    assert (shelf.kept, shelf.messages) == ([], [THEIRS])


@pytest.mark.parametrize("away", ["take", "keep", "remove"])
def test_something_is_away(away: str) -> None:
    """While queue or database are away it pauses; nothing is removed that was not kept, and nothing is lost."""
    shelf = Shelf([OURS], [away])
    assert polled(shelf).messages == 1
    assert "pause" in shelf.deeds
    assert set(shelf.kept) == {OURS.body} and not shelf.messages


def test_a_queue_of_sqs(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Through Amazon SQS, as moto simulates it: what was sent to the queue is kept, and the queue is empty afterwards."""
    botocore = pytest.importorskip("botocore.session", reason="botocore not installed: it is part of the extra `ses`")
    from letterpress.sqs import SqsQueue
    from tests.delivery.standins import moto

    for name, value in (("AWS_ACCESS_KEY_ID", "KEY"), ("AWS_SECRET_ACCESS_KEY", "SECRET"), ("AWS_DEFAULT_REGION", "eu-west-1")):
        monkeypatch.setenv(name, value)
    with moto() as server:
        client = botocore.Session().create_client("sqs", region_name="eu-west-1", endpoint_url=server.url)
        url = client.create_queue(QueueName="letters")["QueueUrl"]
        for message in (OURS, BARE, THEIRS):
            client.send_message(QueueUrl=url, MessageBody=message.body.decode())
        queue, shelf, left = SqsQueue(url, wait_seconds=1), Shelf([]), iter(range(3))
        done = poll(
            queue, shelf, ACCOUNT, clock=lambda: NOW, go_on=lambda _: next(left, None) is not None, kept=lambda: None, pause=lambda: None
        )
        assert (done.messages, sorted(shelf.kept)) == (2, sorted([OURS.body, BARE.body]))
        held = client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        assert int(held["ApproximateNumberOfMessages"]) + int(held["ApproximateNumberOfMessagesNotVisible"]) == 1
        with pytest.raises(InputError, match="Amazon SQS says"):
            SqsQueue(url + "-that-is-not", wait_seconds=1).take()
    with pytest.raises(UnavailableError, match="cannot be asked"):
        queue.take()
    with pytest.raises(InputError, match="not the URL of a queue"):
        SqsQueue("letters")
