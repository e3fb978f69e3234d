"""Ten minutes of an idle captured database beside a busy one."""

from __future__ import annotations

import pytest

from tests.support.connector import Script, properties
from tests.support.database import created, dropped
from tests.support.retained_log import TWO_SEGMENTS, write_beside

pytestmark = [pytest.mark.reliability, pytest.mark.timeout(900)]


@pytest.mark.parametrize(
    "more", [{}, {"heartbeat_interval_ms": "1000", "heartbeat_message_prefix": "beat"}], ids=["alone", "heartbeats"]
)
def test_idle_captured_database_releases_the_log_for_ten_minutes(
    more, postgres, database, kafka, topic_prefix, tmp_path
):
    database.execute("create table idle (id int primary key)")
    busy = created(postgres)
    script = Script(tmp_path, properties(database, kafka.url, topic_prefix, **more))
    script.start()
    try:
        script.wait_for("streaming from")
        written, least, most = write_beside(busy, topic_prefix, 600)
        assert script.running
    finally:
        script.stop()
        script.kill()
        dropped(busy)
    assert least < written / 200
    assert most < TWO_SEGMENTS
