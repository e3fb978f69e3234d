from pathlib import Path

import pytest

from cdc.config import docs
from cdc.config.mysql import MYSQL
from cdc.config.postgres import POSTGRES
from cdc.config.worker_properties import DISTRIBUTED, STANDALONE

REFERENCE = Path(__file__).resolve().parents[3] / "docs" / "reference"


@pytest.mark.parametrize("name", docs.pages())
def test_the_reference_pages_are_those_of_the_table(name):
    written = (REFERENCE / name).read_text(encoding="utf-8")
    assert written == docs.pages()[name], "stale: run `python -m cdc.config.docs`"


@pytest.mark.parametrize(("definition", "product"), [(POSTGRES, "PostgreSQL"), (MYSQL, "MySQL")])
def test_every_property_is_on_the_page(definition, product):
    page = docs.properties_page(definition, product)
    assert page.startswith(f"# Properties of the {product} connector")
    assert [p.name for p in definition.properties if f"| `{p.name}`" not in page] == []


def test_every_property_of_a_worker_is_on_its_page():
    page = docs.worker_page()
    assert [p.name for p in DISTRIBUTED.properties if f"| `{p.name}`" not in page] == []
    assert {p.name for p in STANDALONE.properties} == {p.name for p in DISTRIBUTED.properties}
    assert "| `consumer.max.poll.records` |" in page


def test_the_page_of_a_worker_says_which_kind_reads_a_property():
    page = docs.worker_page()
    assert "| `listeners` | both | `http://127.0.0.1:8083` |" in page
    assert "| `group.id` | distributed | required |" in page
    assert "| `offset.storage.topic` | both | `cdc-stream-offsets`; distributed: required |" in page
    assert "this worker stands alone" not in page


def test_every_default_that_differs_is_listed_with_its_reason():
    page = docs.defaults_page()
    for name in (
        "plugin.name",
        "offset.mismatch.strategy",
        "max.queue.size.in.bytes",
        "resolve.create.table.like.schema",
    ):
        assert f"| `{name}` |" in page


def test_the_pages_can_be_written_elsewhere(tmp_path):
    docs.main(tmp_path / "new")
    assert sorted(p.name for p in (tmp_path / "new").iterdir()) == sorted(docs.pages())
