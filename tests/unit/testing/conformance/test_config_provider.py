"""The suite of config providers lets a good one pass, and each of its checks catches a broken one."""

from __future__ import annotations

import time

import pytest

from cdc.config.definition import Definition
from cdc.config.property import REQUIRED, Property, Type
from cdc.errors import ConfigError
from cdc.testing.conformance.config_provider import ConfigProviderConformance
from cdc.testing.conformance.loop import LONGEST_HOLD
from tests.unit.testing.conformance.suites import catches, checks

PROPERTIES = {"address": "https://vault"}
KNOWN = [("shop/db", "password", "hunter2"), ("", "token", "tok3n")]
REFUSED = [("shop/db", "absent"), ("nowhere", "password"), ("", "nothing")]


class Vault:
    """Brings what stands in a table."""

    definition = Definition([Property("address", Type.STRING, REQUIRED, "Where it is.")])

    def configure(self, properties):
        self.definition.parse(properties)
        self.values = {(path, key): value for path, key, value in KNOWN}

    def get(self, path, key):
        if (path, key) not in self.values:
            raise ConfigError(f"there is no {path}:{key}", "Correct the reference.")
        return self.values[path, key]


class TestVault(ConfigProviderConformance):
    @pytest.fixture
    def provider(self):
        return Vault

    @pytest.fixture
    def properties(self):
        return PROPERTIES

    @pytest.fixture
    def known(self):
        return KNOWN

    @pytest.fixture
    def refused(self):
        return REFUSED


class WithoutDoc(Vault):
    definition = Definition([Property("address", Type.STRING, REQUIRED, "")])


class TakingAnyProperty(Vault):
    def configure(self, properties):
        super().configure({"address": properties["address"]})


class BringingTheWrongValue(Vault):
    def get(self, path, key):
        return super().get(path, key) + "\n"


class BringingOnce(Vault):
    def get(self, path, key):
        super().get(path, key)
        return self.values.pop((path, key))


class BringingNothingForTheAbsent(Vault):
    def get(self, path, key):
        return self.values.get((path, key), "")


class RefusingWithoutRemedy(Vault):
    def get(self, path, key):
        if (path, key) not in self.values:
            raise ConfigError(f"there is no {path}:{key}")
        return super().get(path, key)


class NotSayingWhatIsAbsent(Vault):
    def get(self, path, key):
        if (path, key) not in self.values:
            raise ConfigError("there is no such value", "Correct the reference.")
        return super().get(path, key)


class ShowingWhatItHas(Vault):
    def get(self, path, key):
        if (path, key) not in self.values:
            raise ConfigError(f"there is no {path}:{key} in {self.values}", "Correct the reference.")
        return super().get(path, key)


class RaisingLikeATable(Vault):
    def get(self, path, key):
        return self.values[path, key]


class BringingNoText(Vault):
    def get(self, path, key):
        return self.values.get((path, key))


class Waiting(Vault):
    def get(self, path, key):
        time.sleep(1.1 * LONGEST_HOLD)
        return super().get(path, key)


BROKEN = {
    WithoutDoc: "its_properties_are_documented",
    TakingAnyProperty: "it_takes_its_properties_and_no_others",
    BringingTheWrongValue: "what_it_knows_is_brought_as_often_as_wanted",
    BringingOnce: "what_it_knows_is_brought_as_often_as_wanted",
    BringingNothingForTheAbsent: "what_is_refused_is_an_error_that_names_it_with_a_remedy",
    RefusingWithoutRemedy: "what_is_refused_is_an_error_that_names_it_with_a_remedy",
    NotSayingWhatIsAbsent: "what_is_refused_is_an_error_that_names_it_with_a_remedy",
    ShowingWhatItHas: "an_error_holds_no_value",
    RaisingLikeATable: "odd_references_bring_a_text_or_an_error",
    BringingNoText: "odd_references_bring_a_text_or_an_error",
    Waiting: "it_leaves_the_loop_to_others",
}


@pytest.mark.parametrize(("broken", "check"), BROKEN.items(), ids=lambda each: getattr(each, "__name__", None))
async def test_a_broken_provider_is_caught(broken, check):
    given = {"provider": broken, "properties": PROPERTIES, "known": KNOWN, "refused": REFUSED}
    assert await catches(ConfigProviderConformance, check, **given)


def test_every_check_has_caught_one():
    assert sorted(set(BROKEN.values())) == checks(ConfigProviderConformance)
