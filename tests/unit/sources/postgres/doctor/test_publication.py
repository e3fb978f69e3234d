"""Whether a publication sends what the connector is to capture."""

from __future__ import annotations

import pytest

from cdc.config.settings import PublicationAutocreate
from cdc.model.table import TableId
from cdc.sources.postgres.doctor.publication import publication_findings
from tests.unit.sources.postgres.doctor.examined import facts, only, publication, role, server, settings, table, told

FILTERED, ALL = PublicationAutocreate.FILTERED, PublicationAutocreate.ALL_TABLES


def found(*tables, mode=PublicationAutocreate.DISABLED, skipped="t", **changes):
    chosen = settings(publication_autocreate=mode, skipped_operations=skipped)
    return list(publication_findings(facts(*tables, **changes), chosen))


def test_a_publication_of_the_captured_tables_gives_no_finding():
    assert found() == []


class TestAbsent:
    def test_it_is_an_error_where_the_connector_may_not_make_one(self):
        finding = only(found(publication=None))
        assert finding.fact == "Publication shop does not exist, and publication.autocreate.mode is disabled"
        assert "CREATE PUBLICATION shop FOR TABLE public.orders;" in finding.remedy

    def test_it_is_a_note_where_the_connector_can(self):
        assert told(found(publication=None, mode=FILTERED)) == [("note", "shop")]

    def test_filtered_needs_the_tables_of_ones_own(self):
        finding = only(found(table(owned=False), publication=None, mode=FILTERED))
        assert finding.level == "error"
        assert "does not own public.orders" in finding.fact
        assert "set publication.autocreate.mode to disabled" in finding.remedy

    def test_filtered_needs_the_right_to_create(self):
        finding = only(found(publication=None, mode=FILTERED, role=role(can_create=False)))
        assert "may not create one in database shop" in finding.fact

    def test_all_tables_needs_a_superuser(self):
        assert "needs a superuser" in only(found(publication=None, mode=ALL)).fact

    def test_all_tables_is_a_risk_for_every_other_table(self):
        finding = only(found(publication=None, mode=ALL, role=role(superuser=True)))
        assert told([finding]) == [("warning", "shop")]
        assert finding.remedy == "Set publication.autocreate.mode to filtered."

    def test_on_a_standby_nobody_can(self):
        finding = only(found(publication=None, mode=FILTERED, server=server(standby=True)))
        assert "nothing can be created on a standby" in finding.fact

    def test_without_a_table_the_filters_come_first(self):
        finding = only(found(table(kind="v"), publication=None))
        assert finding.remedy == "Correct the filters first, then run doctor again."

    def test_a_partitioned_table_would_come_under_other_names(self):
        parted = table(kind="p", leaves=[TableId("other", "orders_1")])
        finding = found(parted, publication=None, mode=FILTERED)[-1]
        assert told([finding]) == [("error", "public.orders")]
        assert "WITH (publish_via_partition_root = true);" in finding.remedy


class TestTables:
    def test_one_that_is_missing_is_an_error(self):
        finding = only(found(table("a"), table("b", published=False)))
        assert finding.fact == "Publication shop does not send public.b"
        assert "as dba" in finding.remedy
        assert "ALTER PUBLICATION shop ADD TABLE public.b;" in finding.remedy

    def test_one_that_is_missing_is_added_by_its_owner(self):
        assert told(found(table(published=False), mode=FILTERED, publication=publication(owned=True))) == [
            ("note", "shop")
        ]

    @pytest.mark.parametrize(("owned", "owns_table"), [(False, True), (True, False)])
    def test_to_add_one_both_must_be_ones_own(self, owned, owns_table):
        missing = table(published=False, owned=owns_table)
        assert told(found(missing, mode=FILTERED, publication=publication(owned=owned))) == [("error", "shop")]

    def test_what_is_not_captured_and_cannot_be_changed_any_more_is_told(self):
        log = table("log", has_primary_key=False)
        finding = only(found(foreign_published=[log, table("other")]))
        assert finding.level == "warning"
        assert finding.remedy == "Run: ALTER PUBLICATION shop DROP TABLE public.log;"

    def test_of_a_publication_for_all_tables_nothing_can_be_dropped(self):
        log = table("log", has_primary_key=False)
        finding = only(found(foreign_published=[log], publication=publication(all_tables=True)))
        assert "under another publication.name: CREATE PUBLICATION" in finding.remedy


class TestPartitions:
    PARTED = table(kind="p", published=False, leaves=[TableId("public", "orders_1")])
    LEAF = table("orders_1", partition=True)

    def test_those_that_the_filters_do_not_pass_are_lost(self):
        finding = only(found(self.PARTED, foreign_published=[self.LEAF]))
        assert told([finding]) == [("error", "public.orders")]
        assert finding.remedy == "Run: ALTER PUBLICATION shop SET (publish_via_partition_root = true);"

    def test_those_that_the_filters_pass_come_under_their_own_names(self):
        assert found(self.PARTED, self.LEAF) == []

    def test_one_that_is_captured_by_its_own_name_is_looked_at_itself(self):
        assert told(found(table("orders_1", partition=True, row_filter="(true)"))) == [("warning", "public.orders_1")]

    def test_by_the_root_they_come_under_the_name_of_their_table(self):
        parted = table(kind="p", leaves=[TableId("public", "orders_1")])
        assert found(parted, publication=publication(via_root=True)) == []


def test_a_column_list_leaves_something_out():
    finding = only(found(table(column_list=["id", "total"])))
    assert told([finding]) == [("warning", "public.orders")]
    assert "only some columns of public.orders (id, total)" in finding.fact


def test_a_column_list_without_the_key_stops_updates():
    assert told(found(table(column_list=["total"]))) == [("error", "public.orders")]


def test_a_row_filter_leaves_something_out():
    finding = only(found(table(row_filter="(total > 0)")))
    assert finding.level == "warning"
    assert finding.fact.endswith("where (total > 0)")
    assert "DROP TABLE public.orders; ALTER PUBLICATION shop ADD TABLE public.orders;" in finding.remedy


@pytest.mark.parametrize(("operations", "word"), [("udt", "insert"), ("idt", "update"), ("iut", "delete")])
def test_an_operation_that_is_not_sent_is_an_error(operations, word):
    finding = only(found(publication=publication(operations=operations)))
    assert finding.fact == f"Publication shop does not send {word}"
    assert "SET (publish = 'insert, update, delete, truncate');" in finding.remedy


def test_an_operation_that_is_skipped_need_not_be_sent():
    assert found(publication=publication(operations="iu"), skipped="dt") == []
    assert told(found(publication=publication(operations="iud"), skipped="")) == [("error", "shop")]


class TestGenerated:
    def test_they_are_in_the_snapshot_alone(self):
        finding = only(found(table(generated=["total"])))
        assert told([finding]) == [("warning", "public.orders")]
        assert finding.remedy == "Run: ALTER PUBLICATION shop SET (publish_generated_columns = stored);"

    def test_before_18_nothing_helps(self):
        finding = only(found(table(generated=["total"]), server=server(version=170002)))
        assert finding.remedy == "PostgreSQL publishes them from version 18 on."

    def test_a_publication_with_them_gives_no_finding(self):
        assert found(table(generated=["total"]), publication=publication(generated=True)) == []
