"""The suite of offset stores: each of its checks catches a broken one. Good ones are in `tests/unit/offsets`."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import pytest

from cdc.testing.conformance.offsets import OffsetStoreConformance
from tests.unit.testing.conformance.suites import catches, checks


class Store:
    """Keeps offsets in a dict, by the JSON of their partitions."""

    def __init__(self, kept):
        self.kept = kept

    def name(self, partition):
        return json.dumps(dict(partition), sort_keys=True)

    async def load(self, partition):
        return self.kept.get(self.name(partition))

    async def store(self, partition, offset):
        if offset is None:
            self.kept.pop(self.name(partition), None)
        else:
            self.kept[self.name(partition)] = json.loads(json.dumps(dict(offset)))


def storage(kind):
    kept: dict[str, object] = {}

    @asynccontextmanager
    async def opened():
        yield kind(kept)

    return opened


class TestAGoodStore(OffsetStoreConformance):
    @pytest.fixture
    def storage(self):
        return storage(Store)


class WithEmptyOffsets(Store):
    async def load(self, partition):
        return await super().load(partition) or {}


class KeepingTexts(Store):
    async def load(self, partition):
        found = await super().load(partition)
        return found and {name: str(value) for name, value in found.items()}


class Forgetting(Store):
    def __init__(self, kept):
        self.kept = {}


class KeepingTheFirst(Store):
    async def store(self, partition, offset):
        if offset is None or self.name(partition) not in self.kept:
            await super().store(partition, offset)


class Merging(Store):
    async def store(self, partition, offset):
        await super().store(partition, offset and {**(await self.load(partition) or {}), **offset})


class TellingServersApartAlone(Store):
    def name(self, partition):
        return partition["server"]


class MindingTheOrder(Store):
    def name(self, partition):
        return json.dumps(dict(partition))


class RemovingAll(Store):
    async def store(self, partition, offset):
        if offset is None:
            self.kept.clear()
        else:
            await super().store(partition, offset)


class RaisingWhereNothingIs(Store):
    async def store(self, partition, offset):
        if offset is None:
            del self.kept[self.name(partition)]
        else:
            await super().store(partition, offset)


BROKEN = [
    (WithEmptyOffsets, "an_unknown_partition_has_no_offset"),
    (KeepingTexts, "what_was_stored_is_loaded"),
    (Forgetting, "it_is_there_after_opening_again"),
    (KeepingTheFirst, "the_newest_offset_counts"),
    (Merging, "an_offset_replaces_the_older_one_as_a_whole"),
    (TellingServersApartAlone, "partitions_are_apart"),
    (MindingTheOrder, "partitions_are_apart"),
    (RemovingAll, "none_removes_one_partition"),
    (RaisingWhereNothingIs, "removing_what_is_not_there_is_no_error"),
]


@pytest.mark.parametrize(("broken", "check"), BROKEN, ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_store_is_caught(broken, check):
    assert await catches(OffsetStoreConformance, check, storage=storage(broken))


def test_every_check_has_caught_one():
    assert sorted({check for _, check in BROKEN}) == checks(OffsetStoreConformance)
