"""The page of the properties of connectors."""

from __future__ import annotations

import pytest

from cdc.cli.connector_docs import connectors_page
from cdc.config.definition import Definition
from cdc.connect.client_overrides import ALLOWED
from cdc.connect.connector_properties import for_sink, for_source
from cdc.sinks.file.connector import FileStreamSinkConnector
from cdc.sources.file.connector import FileStreamSourceConnector


def section(title):
    return connectors_page().partition(f"## {title}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("definition", [for_source(Definition(())), for_sink(Definition(()))])
def test_all_that_the_runtime_gives_is_on_the_page(definition):
    page = connectors_page()
    assert [row.name for row in definition.properties if f"| `{row.name}`" not in page] == []


def test_what_only_sources_or_only_sinks_have_stands_with_them():
    assert "| `topics` |" in section("Every sink")
    assert "| `topic.creation.default.partitions` |" in section("Every source")
    assert "| `errors.tolerance` |" in section("Every connector")


@pytest.mark.parametrize(
    ("title", "connector"),
    [("FileStreamSource", FileStreamSourceConnector), ("FileStreamSink", FileStreamSinkConnector)],
)
def test_a_built_in_connector_has_a_section_with_its_own_properties(title, connector):
    text = section(title)
    assert [row.name for row in connector.definition.properties if f"| `{row.name}`" not in text] == []


@pytest.mark.parametrize("client", ["producer", "consumer"])
def test_every_override_that_is_let_through_is_on_the_page(client):
    page = connectors_page()
    assert [name for name in ALLOWED[client] if f"| `{client}.override.{name}`" not in page] == []
