"""What the tables that pass the filters mean for a connector."""

from __future__ import annotations

import pytest

from cdc.config.filters import TableFilter
from cdc.model.table import TableId
from cdc.sources.postgres.doctor.tables import table_findings
from tests.unit.sources.postgres.doctor.examined import facts, only, settings, table, told


def found(*tables, **changes):
    return list(table_findings(facts(*tables, **changes), settings()))


def test_a_table_with_a_primary_key_gives_no_finding():
    assert found() == []


class TestIdentity:
    @pytest.mark.parametrize(
        ("changes", "why"),
        [
            ({"identity": "n"}, "has replica identity nothing"),
            ({"identity": "i"}, "has lost the index of its replica identity"),
            (
                {"identity": "d", "has_primary_key": False, "key": ["code"]},
                "has neither a primary key nor a replica identity",
            ),
        ],
    )
    def test_without_one_the_server_refuses_changes(self, changes, why):
        finding = found(table(**changes))[0]
        assert told([finding]) == [("warning", "public.orders")]
        assert finding.fact == f"public.orders {why}: PostgreSQL refuses UPDATE and DELETE on it while it is published"

    def test_it_is_an_error_where_rows_are_changed(self):
        finding = found(table(identity="n", rewrites=7))[0]
        assert finding.level == "error"
        assert "(7 so far)" in finding.fact

    def test_a_primary_key_is_the_remedy_where_there_is_one(self):
        assert found(table(identity="n"))[0].remedy == "Run: ALTER TABLE public.orders REPLICA IDENTITY DEFAULT;"

    def test_a_unique_index_is_the_remedy_where_there_is_no_primary_key(self):
        keyless = table(has_primary_key=False, unique_index="by_code")
        assert found(keyless)[0].remedy == "Run: ALTER TABLE public.orders REPLICA IDENTITY USING INDEX by_code;"

    def test_else_the_whole_row_is_the_remedy(self):
        assert "ALTER TABLE public.orders REPLICA IDENTITY FULL;" in found(table(has_primary_key=False))[0].remedy

    def test_an_index_that_is_there_is_one(self):
        assert found(table(identity="i", identity_index=True)) == []

    def test_the_whole_row_costs_log(self):
        finding = only(found(table(identity="f")))
        assert finding.level == "note"
        assert "REPLICA IDENTITY DEFAULT" in finding.remedy


class TestKey:
    def test_without_one_records_have_none(self):
        finding = only(
            each for each in found(table(identity="f", has_primary_key=False, key=[])) if each.level != "note"
        )
        assert told([finding]) == [("warning", "public.orders")]
        assert "its records have no key" in finding.fact

    def test_a_unique_index_is_told(self):
        unique = table(identity="i", identity_index=True, has_primary_key=False, key=["code"])
        finding = only(found(unique))
        assert told([finding]) == [("note", "public.orders")]
        assert "(code)" in finding.fact


class TestLarge:
    def test_values_out_of_line_are_told_with_their_columns(self):
        finding = only(found(table(toasted=3 << 20, large=["id", "picture"])))
        assert finding.level == "note"
        assert "3 MB of large values out of line (picture may have some)" in finding.fact
        assert "REPLICA IDENTITY FULL" in finding.remedy

    def test_a_table_without_such_values_is_not(self):
        assert found(table(large=["picture"])) == []

    def test_with_the_whole_row_they_are_there(self):
        assert "unavailable" not in only(found(table(identity="f", toasted=1, large=["picture"]))).fact


def test_types_that_are_not_known_are_told():
    finding = only(found(table(unknown=["place"])))
    assert finding.level == "warning"
    assert finding.fact.endswith("place")


class TestFilters:
    def test_one_that_nothing_passes_is_an_error_with_what_is_there(self):
        finding = only(found(table(kind="v"), others=[TableId("public", "order")])[:1])
        assert finding.level == "error"
        assert "(tables there: public.order)" in finding.fact

    def test_without_a_filter_tables_may_still_come(self):
        every = settings(tables=TableFilter())
        assert told(table_findings(facts(table(kind="v")), every)) == [("warning", "table.include.list")]

    def test_a_pattern_that_matches_nothing_is_told(self):
        finding = only(found(idle_patterns=["public.itms"]))
        assert told([finding]) == [("warning", "table.include.list")]
        assert "public.itms" in finding.fact

    @pytest.mark.parametrize(
        ("changes", "kind"),
        [
            ({"kind": "f"}, "a foreign table"),
            ({"kind": "v"}, "a view"),
            ({"kind": "m"}, "a materialized view"),
            ({"persistence": "t"}, "a temporary table"),
            ({"persistence": "u"}, "an unlogged table"),
        ],
    )
    def test_what_has_no_changes_in_the_log_is_told(self, changes, kind):
        finding = only(found(table(), table("b", **changes)))
        assert told([finding]) == [("warning", "public.b")]
        assert f"public.b passes the filters and is {kind}" in finding.fact

    def test_an_unlogged_table_can_be_logged(self):
        assert found(table(), table("b", persistence="u"))[0].remedy == "Run: ALTER TABLE public.b SET LOGGED;"
