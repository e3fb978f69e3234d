"""Tables of metrics, as Prometheus' own client library reads what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as open_metrics
from prometheus_client.parser import text_string_to_metric_families as plain_text
from prometheus_client.registry import Collector

from cdc.metrics.exposition import exposition
from cdc.metrics.figure import Figure, Group, counter


@dataclass(frozen=True)
class Shelf:
    books: int
    state: str | None = "open"


GROUP: Group[Shelf] = Group(
    "Shelves",
    "All shelves.",
    ("room",),
    (
        counter("library_books_total", "Books ever.", lambda shelf: shelf.books),
        Figure("library_free", "Free places.", lambda shelf: 3 - shelf.books if shelf.books < 3 else None),
        Figure("library_state", "1; the state.", lambda shelf: shelf.state, label="state"),
    ),
)


class Shelves(Collector):
    def __init__(self, **shelves: Shelf) -> None:
        self.things = [({"room": name}, shelf) for name, shelf in shelves.items()]

    def collect(self):
        return GROUP.families(self.things)


def samples(text, parse=plain_text):
    return {(each.name, *each.labels.values()): each.value for family in parse(text) for each in family.samples}


READ = {
    ("library_books_total", "a"): 1,
    ("library_books_total", 'b "\\\n'): 5,
    ("library_free", "a"): 2,
    ("library_state", "a", "open"): 1,
    ("library_state", 'b "\\\n', "shut"): 1,
}


@pytest.mark.parametrize(
    ("accept", "content_type", "parse"),
    [
        ("", "text/plain; version=0.0.4; charset=utf-8", plain_text),
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", plain_text),
        ("application/openmetrics-text;version=1.0.0", "application/openmetrics-text; version=1.0.0", open_metrics),
    ],
)
def test_both_formats_say_the_same_with_any_label_and_leave_out_what_is_not_known(accept, content_type, parse):
    shelves = Shelves(a=Shelf(1), **{'b "\\\n': Shelf(5, "shut")})
    body, kind = exposition(shelves, accept)
    assert kind.startswith(content_type)
    assert samples(body.decode(), parse) == READ


def test_a_metric_that_nothing_has_is_not_named():
    body, _ = exposition(Shelves(a=Shelf(3, None)), "")
    assert b"library_free" not in body
    assert b"library_state" not in body
    assert b"# TYPE library_books_total counter\n" in body


def test_the_page_lists_names_with_their_labels():
    assert GROUP.page().splitlines() == [
        "## Shelves",
        "",
        "All shelves.",
        "",
        "| Name | Type | Meaning |",
        "| --- | --- | --- |",
        "| `library_books_total{room}` | counter | Books ever. |",
        "| `library_free{room}` | gauge | Free places. |",
        "| `library_state{room, state}` | gauge | 1; the state. |",
    ]
