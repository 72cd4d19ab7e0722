"""Kafka as a stream of events (the extra `kafka`): offsets are committed after what they count is stored, never by a timer."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from confluent_kafka import Consumer, KafkaError, KafkaException
from confluent_kafka import Message as KafkaMessage

from domain.errors import UnavailableError
from web.consuming import Message

_MOST, _WAIT = 500, 0.5  # messages per batch; seconds to wait for the first


class KafkaStream:
    """One member of a consumer group. Use as a context: leaving hands its partitions to the others at once."""

    def __init__(self, brokers: str, topics: Sequence[str], group: str, options: Mapping[str, str]) -> None:
        self._where = brokers
        ours = {"bootstrap.servers": brokers, "group.id": group, "enable.auto.commit": False, "auto.offset.reset": "earliest"}
        quiet = {"log_level": 3}  # librdkafka's own lines on standard error: errors only
        self._consumer = Consumer(quiet | dict(options) | ours)
        self._consumer.subscribe(list(topics))

    def __enter__(self) -> "KafkaStream":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._consumer.close()

    def take(self) -> list[Message]:
        """Messages of the partitions that are ours; deletions (messages without a value) say nothing."""
        try:
            taken = self._consumer.consume(_MOST, _WAIT)
        except KafkaException as error:
            raise self._unavailable(error.args[0]) from None
        return [_message(one) for one in taken if self._is_message(one)]

    def commit(self) -> None:
        """Wait until the group's coordinator has it. Partitions that went to another member are theirs to commit."""
        try:
            self._consumer.commit(asynchronous=False)
        except KafkaException as error:
            fault = error.args[0]
            if fault.code() not in {KafkaError._NO_OFFSET, KafkaError.ILLEGAL_GENERATION, KafkaError.UNKNOWN_MEMBER_ID}:
                raise self._unavailable(fault) from None

    def _is_message(self, one: KafkaMessage) -> bool:
        fault = one.error()
        if (
            fault is not None
            and not fault.retriable()
            and fault.code() not in {KafkaError._PARTITION_EOF, KafkaError.UNKNOWN_TOPIC_OR_PART}
        ):
            raise self._unavailable(fault)
        return fault is None

    def _unavailable(self, fault: KafkaError) -> UnavailableError:
        return UnavailableError(f"Kafka does not answer: {fault.name()}", where=self._where)


def _message(one: KafkaMessage) -> Message:
    return Message(f"{one.topic()}/{one.partition()}/{one.offset()}", one.value() or b"{}")
