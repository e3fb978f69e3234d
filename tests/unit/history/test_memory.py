from contextlib import asynccontextmanager

import pytest

from cdc.history.memory import MemorySchemaHistory
from cdc.testing.conformance.history import SchemaHistoryConformance


class TestMemorySchemaHistory(SchemaHistoryConformance):
    @pytest.fixture
    def storage(self):
        history = MemorySchemaHistory()

        @asynccontextmanager
        async def opened():
            yield history

        return opened
