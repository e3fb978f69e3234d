"""The publication as it is created and kept: partitions, their root, and the identities of its tables."""

from __future__ import annotations

from typing import Any

import pytest

from cdc.config.identities import ReplicaIdentities
from cdc.config.settings import PublicationAutocreate
from cdc.config.snapshot import SnapshotMode
from cdc.errors import SourceRefused
from cdc.sources.postgres.source import PostgresLog
from tests.integration.postgres_log import settings
from tests.support.database import Database

PARTED = """
create table parted (id int primary key) partition by range (id);
create table part1 partition of parted for values from (0) to (10);
create table part2 partition of parted for values from (10) to (20)
"""


async def start(database: Database, **options: Any) -> None:
    """Start and stop a source that may take no snapshot."""
    source = PostgresLog(settings(database, snapshot_mode=SnapshotMode.NO_DATA, **options))
    try:
        await source.start(None)
    finally:
        await source.stop()


def in_publication(database: Database) -> list[str]:
    """Return the tables that the publication names, not what follows from them."""
    query = (
        "select prrelid::regclass::text from pg_publication_rel r join pg_publication p on p.oid = r.prpubid "
        "where pubname = %s order by 1"
    )
    return [name for (name,) in database.execute(query, database.name)]


def is_via_root(database: Database) -> bool:
    return bool(database.execute("select pubviaroot from pg_publication where pubname = %s", database.name)[0][0])


def messages(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if word in record.getMessage()]


class TestPartitions:
    @pytest.mark.parametrize("mode", [PublicationAutocreate.ALL_TABLES, PublicationAutocreate.FILTERED])
    @pytest.mark.parametrize("via_root", [False, True])
    async def test_the_publication_shows_them_as_the_property_says(self, database, mode, via_root):
        database.execute(PARTED)
        await start(database, publication_autocreate=mode, publish_via_root=via_root)
        assert is_via_root(database) == via_root

    @pytest.mark.parametrize(
        ("include", "named"),
        [("public.part.*", ["parted"]), ("public.part1", ["part1"]), ("public.part[12]", ["part1", "part2"])],
    )
    async def test_a_partitioned_table_brings_its_partitions(self, database, include, named):
        database.execute(PARTED)
        await start(database, include=include, publication_autocreate=PublicationAutocreate.FILTERED)
        assert in_publication(database) == named

    async def test_a_publication_that_exists_stays_as_it_is_and_the_log_says_what_it_shows(self, database, caplog):
        database.execute("create table item (id int primary key)")
        await start(database)
        await start(database, publish_via_root=True)
        assert not is_via_root(database)
        (warning,) = messages(caplog, "publish_via_partition_root")
        assert f"ALTER PUBLICATION {database.name} SET (publish_via_partition_root = true)" in warning

    async def test_only_tables_that_a_publication_can_hold_are_looked_for(self, database):
        database.execute("create unlogged table item (id int primary key); create view seen as select 1")
        with pytest.raises(SourceRefused, match="no table of database"):
            await start(database, publication_autocreate=PublicationAutocreate.FILTERED)


class TestIdentities:
    def identity(self, database: Database, table: str) -> tuple[str, str | None]:
        query = (
            "select relreplident::text, (select indexrelid::regclass::text from pg_index where indrelid = c.oid and indisreplident) "
            "from pg_class c where oid = %s::regclass"
        )
        letter, index = database.execute(query, table)[0]
        return letter, index

    async def test_they_are_set_where_a_table_has_another(self, database, caplog):
        caplog.set_level("INFO")
        database.execute("create table a (id int primary key); create table b (id int primary key, code int not null)")
        database.execute("create unique index b_code on b (code); create table c (id int primary key)")
        wanted = ReplicaIdentities.parse("public.a:FULL,public.b:INDEX b_code")
        for _ in range(2):
            await start(database, replica_identities=wanted)
        assert self.identity(database, "a") == ("f", None)
        assert self.identity(database, "b") == ("i", "b_code")
        assert self.identity(database, "c") == ("d", None)
        assert len(messages(caplog, "REPLICA IDENTITY")) == 2, "the second start finds them as they shall be"

    async def test_one_that_is_refused_is_told_with_the_statement(self, database, caplog):
        database.execute("create table item (id int primary key)")
        await start(database, replica_identities=ReplicaIdentities.parse("public.item:INDEX missing"))
        assert self.identity(database, "item") == ("d", None)
        (warning,) = messages(caplog, "stays as it is")
        assert 'ALTER TABLE "public"."item" REPLICA IDENTITY USING INDEX "missing"' in warning
