from aiokafka.producer import sender

import cdc.kafka.producer


def test_the_pause_between_transactions_is_a_millisecond():
    assert sender.BACKOFF_OVERRIDE == cdc.kafka.producer.MARKER_PAUSE == 0.001
