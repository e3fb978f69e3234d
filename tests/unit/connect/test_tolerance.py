import logging

import pytest

from cdc.config.definition import InvalidConfig
from cdc.connect.herder import TaskId
from cdc.connect.tolerance import ErrorSettings, RecordFailed, SourceOrigin, Stage, StageFailed, Tolerance
from cdc.errors import ConversionError, KafkaUnavailable

CUSTOMER = SourceOrigin("public.customers", '{"id":7}', "lsn 0/16B3748")


class Time:
    """A clock that only sleeping moves."""

    def __init__(self):
        self.now = 100.0
        self.pauses = []

    def clock(self):
        return self.now

    async def sleep(self, seconds):
        self.pauses.append(round(seconds, 6))
        self.now += seconds


class Flaky:
    """An operation that fails a number of times before it returns."""

    def __init__(self, times, error=None):
        self.left = times
        self.error = error or KafkaUnavailable("gone")

    def __call__(self):
        if self.left:
            self.left -= 1
            raise self.error
        return "done"


@pytest.fixture
def time():
    return Time()


def tolerance(time, **properties):
    given = {name.replace("_", "."): value for name, value in properties.items()}
    settings = ErrorSettings.from_properties(given)
    return Tolerance(settings, TaskId("shop", 3), clock=time.clock, sleep=time.sleep)


def attempt(policy, operation, stage=Stage.VALUE_CONVERTER):
    return policy.attempt(stage, Flaky, operation)


async def test_without_a_retry_timeout_there_is_one_attempt(time):
    with pytest.raises(StageFailed) as caught:
        await attempt(tolerance(time), Flaky(1))
    assert str(caught.value.error) == "gone"
    assert time.pauses == []


async def test_the_pauses_double_from_300_ms_up_to_the_longest(time):
    policy = tolerance(time, errors_retry_timeout="-1", errors_retry_delay_max_ms="2000")
    assert await attempt(policy, Flaky(6)) == "done"
    assert time.pauses == [0.3, 0.6, 1.2, 2.0, 2.0, 2.0]


async def test_attempts_end_at_the_timeout_with_a_last_one(time):
    policy = tolerance(time, errors_retry_timeout="1000")
    with pytest.raises(StageFailed):
        await attempt(policy, Flaky(99))
    assert time.pauses == [0.3, 0.6, 0.1]


async def test_an_error_that_is_not_retriable_is_not_tried_again(time):
    policy = tolerance(time, errors_retry_timeout="-1")
    with pytest.raises(StageFailed):
        await attempt(policy, Flaky(1, ConversionError("no JSON")))
    assert time.pauses == []


async def test_by_default_the_task_fails_with_a_sentence_that_names_everything(time):
    policy = tolerance(time)
    error = ConversionError("field amount holds text", "Give a number.")
    with pytest.raises(RecordFailed) as caught:
        await policy.give_up(StageFailed(Stage.VALUE_CONVERTER, Flaky, error), CUSTOMER)
    assert caught.value.sentence() == (
        'Connector shop, task 3: the record of table public.customers with key {"id":7} at lsn 0/16B3748 failed in stage'
        " VALUE_CONVERTER (Flaky): field amount holds text. Give a number. Mend the cause, or set errors.tolerance to all to"
        " go on without such records, and errors.deadletterqueue.topic.name to keep them."
    )
    assert caught.value.__cause__ is error


async def test_an_error_of_python_is_named_by_its_class(time):
    with pytest.raises(RecordFailed, match="KeyError: 'x'"):
        await tolerance(time).give_up(StageFailed(Stage.TRANSFORMATION, Flaky, KeyError("x")), CUSTOMER)


@pytest.mark.parametrize(
    "stage", ["KEY_CONVERTER", "VALUE_CONVERTER", "HEADER_CONVERTER", "TRANSFORMATION", "TASK_PUT"]
)
async def test_under_all_the_record_is_reported_and_left_behind(time, stage):
    reported = []

    async def report(failed):
        reported.append(failed)

    failed = StageFailed(Stage(stage), Flaky, ValueError("no"))
    await tolerance(time, errors_tolerance="all").give_up(failed, CUSTOMER, report)
    assert reported == [failed]


@pytest.mark.parametrize("stage", ["KAFKA_CONSUME", "KAFKA_PRODUCE"])
async def test_what_is_not_the_records_fault_is_tolerated_only_if_it_may_pass(time, stage):
    policy = tolerance(time, errors_tolerance="ALL")
    await policy.give_up(StageFailed(Stage(stage), Flaky, KafkaUnavailable("gone")), CUSTOMER)
    with pytest.raises(RecordFailed):
        await policy.give_up(StageFailed(Stage(stage), Flaky, ValueError("no")), CUSTOMER)


async def test_a_record_that_cannot_be_kept_is_not_left_behind(time):
    async def report(_failed):
        raise KafkaUnavailable("no broker")

    with pytest.raises(KafkaUnavailable):
        await tolerance(time, errors_tolerance="all").give_up(
            StageFailed(Stage.TRANSFORMATION, Flaky, ValueError("no")), CUSTOMER, report
        )


class Shown:
    place = "of topic t, partition 0, offset 5"
    content = "key b'k', value b'secret'"


@pytest.mark.parametrize(
    ("properties", "lines"),
    [
        ({}, []),
        ({"errors_log_include_messages": "true"}, []),
        ({"errors_log_enable": "true"}, [""]),
        ({"errors_log_enable": "true", "errors_log_include_messages": "true"}, [" (key b'k', value b'secret')"]),
    ],
)
async def test_the_log_says_only_what_was_asked_for(time, caplog, properties, lines):
    failed = StageFailed(Stage.TRANSFORMATION, Flaky, ValueError("no"))
    with caplog.at_level(logging.INFO):
        await tolerance(time, errors_tolerance="all", **properties).give_up(failed, Shown())
    fact = "Connector shop, task 3: the record of topic t, partition 0, offset 5 failed in stage TRANSFORMATION (Flaky): ValueError: no"
    assert caplog.messages == [fact + line for line in lines]


def test_the_defaults_are_those_of_connect():
    assert ErrorSettings.from_properties({"name": "x"}) == ErrorSettings(
        retry_timeout=0.0,
        retry_delay=60.0,
        tolerate=False,
        log=False,
        log_records=False,
        dead_letter_topic="",
        dead_letter_replicas=3,
        dead_letter_headers=False,
    )


def test_everything_that_is_wrong_is_told_at_once():
    with pytest.raises(InvalidConfig) as caught:
        ErrorSettings.from_properties({"errors.tolerance": "some", "errors.retry.timeout": "-2", "other": "x"})
    assert [problem.name for problem in caught.value.problems] == ["errors.retry.timeout", "errors.tolerance"]
