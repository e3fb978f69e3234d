"""What a role lacks, and the statements that give one what it needs."""

from __future__ import annotations

from cdc.config.snapshot import SnapshotMode
from cdc.errors import SourceRefused
from cdc.sources.postgres.doctor.role import least_rights, role_findings
from tests.unit.sources.postgres.doctor.examined import facts, only, publication, role, server, settings, table, told


def found(known, **changes):
    return role_findings(known, settings(**changes))


def test_a_role_with_the_least_rights_gives_no_finding():
    assert list(found(facts())) == []


def test_a_role_without_replication_is_told_the_statement():
    refused = SourceRefused(
        "permission denied to start WAL sender", "Give the user the right: ALTER ROLE … REPLICATION."
    )
    finding = only(found(facts(role=role(replication=False), replication=refused)))
    assert told([finding]) == [("error", "cdc")]
    assert finding.fact == "Permission denied to start WAL sender"
    assert "ALTER ROLE cdc REPLICATION;" in finding.remedy


def test_another_refusal_of_the_replication_connection_keeps_its_own_remedy():
    refused = SourceRefused("no pg_hba.conf entry", "Add a line to the server's pg_hba.conf.")
    assert only(found(facts(replication=refused))).remedy == "Add a line to the server's pg_hba.conf."


def test_a_refusal_that_comes_of_taken_wal_senders_is_told_once():
    refused = SourceRefused("all are taken", "Raise max_wal_senders.")
    assert list(found(facts(server=server(senders=10), replication=refused))) == []


def test_tables_that_may_not_be_read_are_told_in_one_statement():
    finding = only(found(facts(table("a", readable=False), table("b"), table("c", readable=False))))
    assert finding.level == "error"
    assert finding.remedy == "Run: GRANT SELECT ON TABLE public.a, public.c TO cdc;"


def test_a_schema_that_may_not_be_used_is_told():
    finding = only(found(facts(table(schema_usable=False))))
    assert finding.remedy == "Run: GRANT USAGE ON SCHEMA public TO cdc;"


def test_row_security_would_leave_rows_out_of_the_snapshot():
    finding = only(found(facts(table(row_security=True))))
    assert told([finding]) == [("error", "cdc")]
    assert "ALTER ROLE cdc BYPASSRLS;" in finding.remedy


def test_without_a_snapshot_no_row_need_be_read():
    hidden = facts(table(readable=False, row_security=True))
    assert list(found(hidden, snapshot_mode=SnapshotMode.NO_DATA)) == []


def test_a_superuser_is_told_that_it_is_one():
    assert told(found(facts(role=role(name="postgres", superuser=True)))) == [("note", "postgres")]


def test_the_least_rights_name_all_tables_and_their_schemas():
    other = table("b", sql_name='"S".b', sql_schema='"S"')
    assert least_rights(facts(table("a"), other)) == [
        "ALTER ROLE cdc LOGIN REPLICATION;",
        "GRANT CONNECT ON DATABASE shop TO cdc;",
        'GRANT USAGE ON SCHEMA "S", public TO cdc;',
        'GRANT SELECT ON TABLE public.a, "S".b TO cdc;',
    ]


def test_in_the_place_of_a_superuser_a_new_role_is_proposed():
    first, connect, *_ = least_rights(facts(role=role(name="postgres", sql_name="postgres", superuser=True)))
    assert first == "CREATE ROLE cdc LOGIN REPLICATION PASSWORD '…';"
    assert connect == "GRANT CONNECT ON DATABASE shop TO cdc;"


def test_a_publication_that_is_absent_belongs_to_the_least_rights():
    assert least_rights(facts(publication=None))[-1] == "CREATE PUBLICATION shop FOR TABLE public.orders;"


def test_the_publication_has_what_partitions_and_generated_columns_need():
    made = least_rights(facts(table(kind="p"), table("g", generated=["total"]), publication=None))[-1]
    assert made == (
        "CREATE PUBLICATION shop FOR TABLE public.orders, public.g "
        "WITH (publish_via_partition_root = true, publish_generated_columns = stored);"
    )


def test_before_18_generated_columns_cannot_be_published():
    made = least_rights(facts(table(generated=["total"]), publication=None, server=server(version=170000)))[-1]
    assert "WITH" not in made


def test_row_security_and_an_existing_publication_are_heeded_by_the_least_rights():
    statements = least_rights(facts(table(row_security=True), publication=publication()))
    assert statements[-1] == "ALTER ROLE cdc BYPASSRLS;"
