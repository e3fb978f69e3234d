import pytest
from aiokafka import errors

from cdc.errors import CdcError, Fenced, KafkaRefused, KafkaUnavailable, RecordTooLarge
from cdc.kafka.compression import CODECS
from cdc.kafka.failure import Circumstances, ResultUnknownError, explain
from cdc.kafka.record_batch import RecordAccumulator
from cdc.model.records import RecordBatch


def batch_of(topic="shop.public.orders", key=b'{"id":7}'):
    records = RecordBatch()
    records.add(topic, key, bytes(1000))
    into = RecordAccumulator(CODECS["none"], max_request_size=1 << 20)
    into.use_topic(topic, 1, 1 << 20)
    into.append(records)
    return into.flush()[0]


def around(**changes):
    return Circumstances(**{"connector": "shop", "transactional_id": "cdcstream-shop", "timeout": 60.0, **changes})


def wrapped(cause):
    """Return what aiokafka's sender makes of an exception that it did not expect."""
    error = errors.KafkaError("Unexpected error during batch delivery")
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (errors.ProducerFenced(), Fenced, "Another instance of connector shop has started"),
        (wrapped(errors.InvalidProducerEpoch()), Fenced, "Another instance"),
        (errors.TopicAuthorizationFailedError({"b", "a"}), KafkaRefused, "writing to topic a, b"),
        (errors.TopicAuthorizationFailedError("a"), KafkaRefused, "writing to topic a"),
        (errors.TransactionalIdAuthorizationFailed("x"), KafkaRefused, "the transactional id cdcstream-shop"),
        (errors.ClusterAuthorizationFailedError(), KafkaRefused, "the transactional id"),
        (errors.InvalidTransactionTimeout(), KafkaRefused, "transaction.timeout.ms = 60000"),
        (errors.UnsupportedVersionError("v0"), KafkaRefused, "too old"),
        (errors.InvalidTxnState(), KafkaUnavailable, "InvalidTxnState"),
        (wrapped(errors.InvalidProducerIdMapping()), KafkaUnavailable, "InvalidProducerIdMapping"),
        (errors.OutOfOrderSequenceNumber(), KafkaUnavailable, "OutOfOrderSequenceNumber"),
        (errors.KafkaTimeoutError(), KafkaUnavailable, "KafkaTimeoutError"),
        (errors.MessageSizeTooLargeError(), KafkaUnavailable, "MessageSizeTooLargeError"),
        (wrapped(ResultUnknownError("EndTxnRequest")), KafkaUnavailable, "EndTxnRequest"),
        (ConnectionResetError("reset"), KafkaUnavailable, "reset"),
    ],
)
def test_without_a_batch(error, kind, words):
    found = explain(error, around())
    assert type(found) is kind
    assert words in str(found)
    assert found.remedy


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (
            errors.MessageSizeTooLargeError(),
            RecordTooLarge,
            'topic shop.public.orders too large: the largest has key {"id":7} and 10',
        ),
        (errors.RecordListTooLargeError(), RecordTooLarge, "shop.public.orders"),
        (errors.TopicAuthorizationFailedError(), KafkaRefused, "writing to topic shop.public.orders"),
        (errors.UnknownError(), KafkaRefused, "refuses records for topic shop.public.orders"),
        (errors.CorruptRecordException(), KafkaRefused, "refuses records"),
        (errors.UnknownProducerId(), KafkaUnavailable, "UnknownProducerId"),
        (errors.NotEnoughReplicasError(), KafkaUnavailable, "NotEnoughReplicas"),
    ],
)
def test_of_a_batch(error, kind, words):
    found = explain(error, around(batch=batch_of()))
    assert type(found) is kind
    assert words in str(found)


def test_a_null_key_is_shown_as_null():
    assert "key null" in str(explain(errors.MessageSizeTooLargeError(), around(batch=batch_of(key=None))))


def test_a_fence_after_the_time_out_is_the_brokers_own():
    found = explain(errors.ProducerFenced(), around(expired=True))
    assert type(found) is KafkaUnavailable
    assert "longer than transaction.timeout.ms = 60000" in str(found)


def test_what_lies_under_an_unknown_result_is_told():
    error = ResultUnknownError("EndTxnRequest")
    error.__cause__ = errors.KafkaConnectionError("Connection at broker:9092 closed")
    assert "Connection at broker:9092 closed" in str(explain(wrapped(error), around()))


def test_our_own_errors_stay_as_they_are():
    error = RecordTooLarge("fact", "remedy")
    assert explain(error, around()) is error
    assert isinstance(error, CdcError)
