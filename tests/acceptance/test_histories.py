"""Random transactions with savepoints, aborts and DDL between them: each change arrives as the server says it was written."""

from tests.support.connector import Script, properties, until
from tests.support.histories import END, History, differences
from tests.support.kafka_reader import read_committed


def test_every_change_of_a_random_history_arrives_as_it_was_written(database, kafka, topic_prefix, tmp_path):
    history = History(database, seed=7)
    history.prepare()
    more = {"decimal_handling_mode": "string", "value_converter_replace_null_with_default": "false"}
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix, **more))
    script.start()
    try:
        script.wait_for("streaming from")
        history.run(200)
        until(lambda: read_committed(kafka.url, f"{topic_prefix}.public.{END}"), f"the last row; {script.output}")
    finally:
        script.kill()
    assert differences(history, kafka.url, topic_prefix) == []
    assert min(history.transactions, history.aborted, history.changes, history.ddl) > 5
