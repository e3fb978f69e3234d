"""Kafka's three config providers keep the contract of all, with and without limits."""

from __future__ import annotations

import pytest

from cdc.config.config_provider import DirectoryConfigProvider, EnvVarConfigProvider, FileConfigProvider
from cdc.testing.conformance.config_provider import ConfigProviderConformance


@pytest.fixture(autouse=True)
def secrets(tmp_path, monkeypatch):
    """Secrets in each of the three places, some of them outside of what is allowed."""
    for folder in ("inside", "outside"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "password").write_text("hunter2\n")
        (tmp_path / folder / "db.properties").write_text("password=hunter2\nlast\\:key=tok3n\n")
    (tmp_path / "inside" / "link").symlink_to(tmp_path / "outside" / "password")
    monkeypatch.setenv("CDC_PASSWORD", "hunter2")
    monkeypatch.setenv("OTHER_PASSWORD", "tok3n")
    monkeypatch.delenv("CDC_ABSENT", raising=False)
    return tmp_path


class TestFile(ConfigProviderConformance):
    @pytest.fixture
    def provider(self):
        return FileConfigProvider

    @pytest.fixture
    def properties(self):
        return {}

    @pytest.fixture
    def known(self, secrets):
        file = str(secrets / "inside" / "db.properties")
        return [(file, "password", "hunter2"), (file, "last:key", "tok3n")]

    @pytest.fixture
    def refused(self, secrets):
        return [
            (f"{secrets}/inside/db.properties", "pasword"),
            (f"{secrets}/inside/absent", "password"),
            (f"{secrets}", "password"),
        ]


class TestFileWithLimits(TestFile):
    @pytest.fixture
    def properties(self, secrets):
        return {"allowed.paths": f"/nowhere,{secrets}/inside"}

    @pytest.fixture
    def refused(self, secrets):
        return [
            (f"{secrets}/outside/db.properties", "password"),
            (f"{secrets}/inside/../outside/db.properties", "password"),
        ]


class TestDirectory(ConfigProviderConformance):
    @pytest.fixture
    def provider(self):
        return DirectoryConfigProvider

    @pytest.fixture
    def properties(self):
        return {}

    @pytest.fixture
    def known(self, secrets):
        return [(f"{secrets}/inside", "password", "hunter2")]

    @pytest.fixture
    def refused(self, secrets):
        return [
            (f"{secrets}/inside", "absent"),
            (f"{secrets}/inside", "../outside/password"),
            (f"{secrets}", "inside"),
        ]


class TestDirectoryWithLimits(TestDirectory):
    @pytest.fixture
    def properties(self, secrets):
        return {"allowed.paths": f"{secrets}/inside"}

    @pytest.fixture
    def refused(self, secrets):
        return [(f"{secrets}/outside", "password"), (f"{secrets}/inside", "link")]


class TestEnvironment(ConfigProviderConformance):
    @pytest.fixture
    def provider(self):
        return EnvVarConfigProvider

    @pytest.fixture
    def properties(self):
        return {}

    @pytest.fixture
    def known(self):
        return [("", "CDC_PASSWORD", "hunter2"), ("", "OTHER_PASSWORD", "tok3n")]

    @pytest.fixture
    def refused(self):
        return [("", "CDC_ABSENT"), ("CDC_PASSWORD", "x"), ("/etc", "")]


class TestEnvironmentWithLimits(TestEnvironment):
    @pytest.fixture
    def properties(self):
        return {"allowlist.pattern": "CDC_.*"}

    @pytest.fixture
    def known(self):
        return [("", "CDC_PASSWORD", "hunter2")]

    @pytest.fixture
    def refused(self):
        return [("", "OTHER_PASSWORD"), ("", "cdc_password"), ("", "MY_CDC_PASSWORD")]
