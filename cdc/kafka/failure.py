"""What aiokafka's exceptions mean, in the words and classes of `cdc.errors`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aiokafka import errors

from cdc.errors import CdcError, Fenced, KafkaRefused, KafkaUnavailable, RecordTooLarge
from cdc.kafka.record_batch import PartitionBatch, show_key


class ResultUnknownError(Exception):
    """A request was cut off: whether the broker has carried it out cannot be known.

    It is none of aiokafka's errors, so that aiokafka does not repeat the request but gives up at once.
    """


_FENCED: Final = (errors.ProducerFenced, errors.InvalidProducerEpoch)
_OUTDATED: Final = (errors.IncompatibleBrokerVersion, errors.UnsupportedVersionError)
_TOO_LARGE: Final = (errors.MessageSizeTooLargeError, errors.RecordListTooLargeError)
# Definite answers to one batch that a new attempt would get again. UnknownError stands for all codes that aiokafka does not know,
# among them INVALID_RECORD: a record without key for a compacted topic.
_REFUSED: Final = (
    errors.CorruptRecordException,
    errors.InvalidRequestError,
    errors.InvalidTimestampError,
    errors.InvalidTopicError,
    errors.PolicyViolationError,
    errors.UnknownError,
    errors.UnsupportedForMessageFormatError,
)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What was going on when something failed; `expired` says that the transaction had outlived `timeout` seconds."""

    connector: str
    transactional_id: str
    timeout: float
    expired: bool = False
    batch: PartitionBatch | None = None


def explain(error: BaseException, around: Circumstances) -> CdcError:
    """Return the error to raise for what aiokafka raised; whatever is not known to be final may be tried again."""
    cause = _root(error)
    if isinstance(cause, CdcError):
        return cause
    return _about_producer(cause, around) or _about_topics(cause, around.batch) or _unknown(cause)


def _about_producer(cause: BaseException, around: Circumstances) -> CdcError | None:
    if isinstance(cause, _FENCED):
        return _expired(around) if around.expired else _fenced(around)
    if isinstance(cause, errors.TransactionalIdAuthorizationFailed | errors.ClusterAuthorizationFailedError):
        return _unauthorised_id(around)
    if isinstance(cause, errors.InvalidTransactionTimeout):
        fact = f"The broker refuses transaction.timeout.ms = {around.timeout * 1000:.0f}"
        return KafkaRefused(fact, "Lower it to the broker's transaction.max.timeout.ms, or raise that one.")
    if isinstance(cause, _OUTDATED):
        return KafkaRefused(f"The broker is too old: {cause}", "Exactly-once delivery needs Kafka 0.11 or later.")
    return None


def _about_topics(cause: BaseException, batch: PartitionBatch | None) -> CdcError | None:
    if isinstance(cause, errors.TopicAuthorizationFailedError):
        return unauthorised_topics(_topics(cause, batch))
    if batch is not None and isinstance(cause, _TOO_LARGE):
        return _too_large(batch)
    if batch is not None and isinstance(cause, _REFUSED):
        return _refused(cause, batch)
    return None


def _root(error: BaseException) -> BaseException:
    """Return what lies under aiokafka's "unexpected error" wrappers."""
    while error.__cause__ is not None and type(error) in {errors.KafkaError, ResultUnknownError}:
        error = error.__cause__
    return error


def _topics(error: errors.TopicAuthorizationFailedError, batch: PartitionBatch | None) -> list[str]:
    found: list[str] = []
    for argument in error.args:
        found.extend([argument] if isinstance(argument, str) else sorted(argument))
    return found or ([batch.topic] if batch is not None else [])


def unauthorised_topics(topics: Iterable[str]) -> KafkaRefused:
    """Return the error for topics that this user may not write."""
    names = ", ".join(topics) or "one of the topics"
    remedy = "Grant the user the ACLs WRITE, DESCRIBE and CREATE on it (kafka-acls --add --producer --topic …)."
    return KafkaRefused(f"Kafka does not allow writing to topic {names}", remedy)


def _unauthorised_id(around: Circumstances) -> KafkaRefused:
    fact = f"Kafka does not allow the transactional id {around.transactional_id}"
    remedy = "Grant the user the ACLs WRITE and DESCRIBE on it (kafka-acls --add --producer --transactional-id …)."
    return KafkaRefused(fact, remedy)


def _fenced(around: Circumstances) -> Fenced:
    fact = f"Another instance of connector {around.connector} has started (transactional id {around.transactional_id})"
    return Fenced(fact, "Stop one of the two, or give one of them another name and slot.")


def _expired(around: Circumstances) -> KafkaUnavailable:
    fact = f"The broker ended a transaction that took longer than transaction.timeout.ms = {around.timeout * 1000:.0f}"
    return KafkaUnavailable(
        fact, "Nothing is lost; it is repeated. If it happens again, raise that limit or lower transaction.max.bytes."
    )


def _too_large(batch: PartitionBatch) -> RecordTooLarge:
    fact = (
        f"The broker finds a record for topic {batch.topic} too large: the largest has key {show_key(batch.largest_key)}"
        f" and {batch.largest_size} bytes before compression"
    )
    remedy = "Raise max.message.bytes of the topic (or the broker's message.max.bytes), or leave the large column out (column.exclude.list)."
    return RecordTooLarge(fact, remedy)


def _refused(cause: BaseException, batch: PartitionBatch) -> KafkaRefused:
    remedy = "The broker's log says why. A compacted topic takes no records without key: give the table a primary key."
    return KafkaRefused(f"The broker refuses records for topic {batch.topic}: {_name(cause)}", remedy)


def _unknown(cause: BaseException) -> KafkaUnavailable:
    remedy = "The result is unknown, so the producer is thrown away, and a new one begins from the stored offset."
    return KafkaUnavailable(f"Kafka did not finish a request: {_name(cause)}", remedy)


def _name(cause: BaseException) -> str:
    """Return an exception's words without aiokafka's prefix, or its name."""
    return " ".join(str(argument) for argument in cause.args) or type(cause).__name__
