import dataclasses

import pytest

from cdc.config import InvalidConfig, PostgresSettings
from cdc.config.filters import NameFilter
from cdc.config.postgres import POSTGRES
from cdc.config.snapshot import SnapshotMode, SnapshotPolicy, SnapshotSettings, TableOrder
from tests.unit.config.minimal import MINIMAL

BASED = "snapshot.mode.configuration.based"
SELECTS = "snapshot.select.statement.overrides"


def source(**raw: str) -> PostgresSettings:
    return PostgresSettings.from_config(POSTGRES.parse(MINIMAL | raw))


def problems(raw: dict[str, str]) -> list[str]:
    return [problem.sentence() for problem in POSTGRES.examine(MINIMAL | raw)[1]]


class TestModes:
    """What each word means is Debezium's: does it read rows without an offset, with one, after a loss, and does it stream?"""

    @pytest.mark.parametrize(
        ("mode", "policy"),
        [
            ("initial", (True, False, False, True)),
            ("initial_only", (True, False, False, False)),
            ("always", (True, True, True, True)),
            ("when_needed", (True, False, True, True)),
            ("no_data", (False, False, False, True)),
            ("schema_only", (False, False, False, True)),
        ],
    )
    def test_a_mode_says_when_a_snapshot_is_taken(self, mode, policy):
        assert dataclasses.astuple(source(**{"snapshot.mode": mode}).snapshot_policy) == policy

    @pytest.mark.parametrize(
        ("given", "policy"),
        [
            ({"snapshot.data": "true"}, (True, True, False, False)),
            ({"start.stream": "true"}, (False, False, False, True)),
            ({"snapshot.data": "true", "snapshot.schema": "true", "start.stream": "true"}, (True, True, False, True)),
            ({"start.stream": "true", "snapshot.on.data.error": "true"}, (False, False, True, True)),
        ],
    )
    def test_configuration_based_is_put_together_from_its_properties(self, given, policy):
        named = {f"{BASED}.{name}": text for name, text in given.items()}
        found = source(**{"snapshot.mode": "configuration_based"}, **named).snapshot_policy
        assert dataclasses.astuple(found) == policy

    def test_those_properties_mean_nothing_in_another_mode(self):
        assert source(**{f"{BASED}.start.stream": "false"}).snapshot_policy == SnapshotPolicy()

    def test_a_configuration_by_which_nothing_is_ever_read_is_refused(self):
        (said,) = problems({"snapshot.mode": "configuration_based", f"{BASED}.snapshot.schema": "true"})
        assert f"{BASED}.start.stream" in said

    def test_never_is_refused_as_debezium_does_and_the_modes_are_named(self):
        (said,) = problems({"snapshot.mode": "never"})
        assert "no_data" in said


def test_each_property_arrives():
    found = source(
        **{
            "snapshot.include.collection.list": "public.a",
            SELECTS: "public.a,public.b",
            f"{SELECTS}.public.a": "select 1",
            f"{SELECTS}.public.b": "select 2",
            f"{SELECTS}.public.c": "select 3",
            "snapshot.max.threads": "4",
            "snapshot.max.threads.multiplier": "3",
            "snapshot.tables.order.by.row.count": "DESCENDING",
            "snapshot.locking.mode": "shared",
            "snapshot.lock.timeout.ms": "1500",
            "snapshot.delay.ms": "2500",
            "streaming.delay.ms": "3500",
        }
    )
    assert found.snapshot_mode is SnapshotMode.INITIAL
    assert found.snapshot == SnapshotSettings(
        configured=SnapshotPolicy(at_first=False, streams=False),
        include=NameFilter.parse("public.a"),
        selects={"public.a": "select 1", "public.b": "select 2"},
        threads=4,
        ranges_per_thread=3,
        order=TableOrder.DESCENDING,
        locks=True,
        lock_timeout=1.5,
        delay=2.5,
        streaming_delay=3.5,
    )


def test_the_legacy_switch_leaves_each_table_to_one_connection():
    assert source(**{"legacy.snapshot.max.threads": "true"}).snapshot.ranges_per_thread == 0


def test_a_table_on_the_list_of_overrides_needs_its_statement():
    with pytest.raises(InvalidConfig, match=r"names public\.b, and .*\.public\.b is not set"):
        source(**{SELECTS: "public.a,public.b", f"{SELECTS}.public.a": "select 1"})
