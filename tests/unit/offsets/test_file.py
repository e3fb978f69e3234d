import json
import os
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cdc.errors import CdcError, ConfigError
from cdc.offsets.file import FileOffsetStore
from cdc.testing.conformance.offsets import OffsetStoreConformance

SHOP = {"server": "shop"}


class TestFileOffsetStore(OffsetStoreConformance):
    @pytest.fixture
    def storage(self, tmp_path):
        @asynccontextmanager
        async def opened():
            yield FileOffsetStore(tmp_path / "offsets.json")

        return opened


async def test_the_file_has_the_form_of_connects_rest_api(tmp_path):
    await FileOffsetStore(tmp_path / "offsets.json").store(SHOP, {"lsn": 7})
    expected = {"offsets": [{"partition": {"server": "shop"}, "offset": {"lsn": 7}}]}
    assert json.loads((tmp_path / "offsets.json").read_text()) == expected
    assert [path.name for path in tmp_path.iterdir()] == ["offsets.json"]


async def test_a_failed_write_leaves_the_old_offset(tmp_path, monkeypatch):
    store = FileOffsetStore(tmp_path / "offsets.json")
    await store.store(SHOP, {"lsn": 1})

    def full(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(CdcError, match=r"offsets\.json cannot be written: No space left on device"):
        await store.store(SHOP, {"lsn": 2})
    monkeypatch.undo()
    assert await store.load(SHOP) == {"lsn": 1}


async def test_the_content_is_on_disk_before_it_gets_its_name_and_the_name_after(tmp_path, monkeypatch):
    steps = []

    def noted(step, function):
        def run(*arguments):
            steps.append(step)
            return function(*arguments)

        return run

    monkeypatch.setattr(os, "fsync", noted("sync", os.fsync))
    monkeypatch.setattr(Path, "rename", noted("rename", Path.rename))
    await FileOffsetStore(tmp_path / "offsets.json").store(SHOP, {"lsn": 1})
    assert steps == ["sync", "rename", "sync"]


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"offsets": 1}', b'{"offsets": [1]}', b'{"offsets": [{"partition": {}}]}', b"\xff"]
)
async def test_a_damaged_file_is_an_error_and_is_kept(tmp_path, content):
    path = tmp_path / "offsets.json"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"offsets\.json cannot be used") as caught:
        await FileOffsetStore(path).load(SHOP)
    assert "backup" in caught.value.remedy
    with pytest.raises(ConfigError):
        await FileOffsetStore(path).store(SHOP, {"lsn": 1})
    assert path.read_bytes() == content
