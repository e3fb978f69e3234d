"""What every `OffsetStore` must do.

Subclass `OffsetStoreConformance` as a test class and say how the storage is opened:

    class TestMyStore(OffsetStoreConformance):
        @pytest.fixture
        def storage(self, tmp_path):
            return lambda: opened(tmp_path)

`storage()` returns an async context manager that yields a store on the same storage each time, as a new process would open it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from cdc.offsets.base import OffsetStore, SourceOffset

Storage = Callable[[], AbstractAsyncContextManager[OffsetStore]]

SHOP = {"server": "shop"}
OFFSET: SourceOffset = {
    "lsn": 2**62,
    "txId": 812,
    "snapshot": None,
    "last": True,
    "text": "Grüße 東京 😀",
    "parts": [1, {"a": 1.5}],
}


class OffsetStoreConformance:
    """The tests; see the module for how to use it."""

    async def test_an_unknown_partition_has_no_offset(self, storage: Storage) -> None:
        async with storage() as store:
            assert isinstance(store, OffsetStore)
            assert await store.load(SHOP) is None

    async def test_what_was_stored_is_loaded(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, OFFSET)
            assert await store.load(SHOP) == OFFSET

    async def test_it_is_there_after_opening_again(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, OFFSET)
        async with storage() as store:
            assert await store.load(SHOP) == OFFSET

    async def test_the_newest_offset_counts(self, storage: Storage) -> None:
        async with storage() as store:
            for lsn in range(5):
                await store.store(SHOP, {"lsn": lsn})
            assert await store.load(SHOP) == {"lsn": 4}
            await store.store(SHOP, {"lsn": 1})
            assert await store.load(SHOP) == {"lsn": 1}

    async def test_an_offset_replaces_the_older_one_as_a_whole(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, {"lsn": 1, "snapshot": True})
            await store.store(SHOP, {"lsn": 2})
            assert await store.load(SHOP) == {"lsn": 2}

    async def test_partitions_are_apart(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, {"lsn": 1})
            await store.store({"server": "other"}, {"lsn": 2})
            await store.store({"server": "shop", "database": "a"}, {"lsn": 3})
            assert await store.load(SHOP) == {"lsn": 1}
            assert await store.load({"server": "other"}) == {"lsn": 2}
            assert await store.load({"database": "a", "server": "shop"}) == {"lsn": 3}

    async def test_none_removes_one_partition(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, {"lsn": 1})
            await store.store({"server": "other"}, {"lsn": 2})
            await store.store(SHOP, None)
            assert await store.load(SHOP) is None
            assert await store.load({"server": "other"}) == {"lsn": 2}
            await store.store(SHOP, {"lsn": 3})
            assert await store.load(SHOP) == {"lsn": 3}

    async def test_removing_what_is_not_there_is_no_error(self, storage: Storage) -> None:
        async with storage() as store:
            await store.store(SHOP, None)
            assert await store.load(SHOP) is None
