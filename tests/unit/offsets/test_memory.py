from contextlib import asynccontextmanager

import pytest

from cdc.offsets.memory import MemoryOffsetStore
from cdc.testing.conformance.offsets import OffsetStoreConformance


class TestMemoryOffsetStore(OffsetStoreConformance):
    @pytest.fixture
    def storage(self):
        store = MemoryOffsetStore()

        @asynccontextmanager
        async def opened():
            yield store

        return opened
