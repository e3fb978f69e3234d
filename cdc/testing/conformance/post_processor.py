"""What every `PostProcessor` must do.

Subclass `PostProcessorConformance` as a test class, and say what is processed:

    class TestMyPostProcessor(PostProcessorConformance):
        @pytest.fixture
        def processor(self):
            return MyPostProcessor

        @pytest.fixture
        def properties(self):
            return {"field": "name"}

        @pytest.fixture
        def events(self):
            return [({"id": 1}, {"before": None, "after": {"id": 1, "name": "a"}, "op": "c"})]

`processor` is the class, or anything that returns a new post processor that was not configured. `properties` is a configuration that it
takes; `events` are keys and envelopes (or their parts that matter). The suite adds events of every kind, which it may take or refuse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import Any

from cdc.errors import ConversionError
from cdc.testing.conformance.plugin import assert_configurable, assert_documented, assert_remedy, configured
from cdc.transforms.base import PostProcessor

New = Callable[[], PostProcessor]
Properties = Mapping[str, str]
Event = tuple[Mapping[str, Any] | None, dict[str, Any]]


class PostProcessorConformance:
    """The tests; see the module for how to use it."""

    def test_its_properties_are_documented(self, processor: New) -> None:
        assert_documented(processor().definition)

    def test_it_takes_its_properties_and_no_others(self, processor: New, properties: Properties) -> None:
        assert_configurable(processor, properties)

    def test_events_keep_their_fields(self, processor: New, properties: Properties, events: Sequence[Event]) -> None:
        assert events, "give an example"
        made = configured(processor, properties)
        for key, event in events:
            found, fields = _processed(made, key, event), _fields(event)
            assert _fields(found) == fields, f"{event} has the fields {fields}, and then {_fields(found)}"

    def test_the_same_event_becomes_the_same(
        self, processor: New, properties: Properties, events: Sequence[Event]
    ) -> None:
        used = configured(processor, properties)
        first = [repr(_processed(used, *each)) for each in events]
        for made in (used, configured(processor, properties)):
            assert [repr(_processed(made, *each)) for each in events] == first

    def test_what_values_hold_is_replaced_and_not_changed(
        self, processor: New, properties: Properties, events: Sequence[Event]
    ) -> None:
        made = configured(processor, properties)
        for key, event in events:
            images = {name: event.get(name) for name in ("before", "after")}
            shallow = {name: dict(each) if isinstance(each, dict) else each for name, each in event.items()}
            earlier = repr(images)
            made.process(key, shallow)
            assert repr(images) == earlier, f"{earlier} was changed in place"

    def test_events_of_every_kind_are_taken_or_refused(self, processor: New, properties: Properties) -> None:
        made = configured(processor, properties)
        for key, event in _odd_events():
            try:
                made.process(key, event)
            except ConversionError as error:
                assert_remedy(error)

    def test_it_can_be_closed_unused_and_again(self, processor: New, properties: Properties) -> None:
        made = configured(processor, properties)
        made.close()
        made.close()


def _processed(made: PostProcessor, key: Mapping[str, Any] | None, event: dict[str, Any]) -> dict[str, Any]:
    found = deepcopy(event)
    made.process(key, found)
    return found


def _fields(event: Mapping[str, Any]) -> list[object]:
    """Return the names of the fields of an event and of its images, in order."""
    images = (event.get(name) for name in ("before", "after"))
    return [list(event), *(list(image) if image is not None else None for image in images)]


def _odd_events() -> Iterator[Event]:
    """Yield a truncate, which has no rows, and events of tables without a key and with columns that nobody knows."""
    row = {"id": None, "Grüße": "東京", "tags": ["a", None], "raw": b"\xff", "point": {"x": 1.0}}
    for op, before, after in (("r", None, row), ("c", None, row), ("u", row, row), ("d", row, None), ("t", None, None)):
        images = {"before": dict(before) if before else None, "after": dict(after) if after else None}
        yield None, {**images, "source": {"table": "odd", "schema": "s"}, "transaction": None, "op": op, "ts_ms": 1}
