"""What every `ConfigProvider` must do.

Subclass `ConfigProviderConformance` as a test class, and say what it brings:

    class TestMyProvider(ConfigProviderConformance):
        @pytest.fixture
        def provider(self):
            return MyProvider

        @pytest.fixture
        def properties(self):
            return {"address": "…"}

        @pytest.fixture
        def known(self):
            return [("shop/db", "password", "hunter2")]

        @pytest.fixture
        def refused(self):
            return [("shop/db", "absent")]

`provider` is the class, or anything that returns a new provider that was not configured. `properties` is a configuration that it takes.
By it, `known` are path, key and value of what it brings, and `refused` path and key of what does not exist or must not be brought.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from cdc.config.config_provider import ConfigProvider
from cdc.errors import ConfigError
from cdc.testing.conformance.loop import LONGEST_HOLD, longest_hold
from cdc.testing.conformance.plugin import assert_configurable, assert_documented, assert_remedy, configured

ODD = ("", " ", "/", "..", "\0", "a\nb", "a:b", "a=b", "${env:HOME}", "x" * 5000, "Grüße 東京 😀")

New = Callable[[], ConfigProvider]
Properties = Mapping[str, str]
Known: TypeAlias = Sequence[tuple[str, str, str]]
Refused: TypeAlias = Sequence[tuple[str, str]]


def refusal(made: ConfigProvider, path: str, key: str) -> ConfigError | None:
    """Return the error with which a reference is refused, None when it brings a text; any other error fails the test."""
    try:
        value = made.get(path, key)
    except ConfigError as error:
        return error
    assert isinstance(value, str), f"{path}:{key} brought {type(value).__name__}"
    return None


class ConfigProviderConformance:
    """The tests; see the module for how to use it."""

    def test_its_properties_are_documented(self, provider: New) -> None:
        assert_documented(provider().definition)

    def test_it_takes_its_properties_and_no_others(self, provider: New, properties: Properties) -> None:
        assert_configurable(provider, properties)

    def test_what_it_knows_is_brought_as_often_as_wanted(
        self, provider: New, properties: Properties, known: Known
    ) -> None:
        assert known, "give an example"
        used = configured(provider, properties)
        for made in (used, used, configured(provider, properties)):
            for path, key, value in known:
                assert made.get(path, key) == value

    def test_what_is_refused_is_an_error_that_names_it_with_a_remedy(
        self, provider: New, properties: Properties, refused: Refused
    ) -> None:
        assert refused, "give an example"
        made = configured(provider, properties)
        for path, key in refused:
            error = refusal(made, path, key)
            assert error is not None, f"{path}:{key} was brought"
            assert_remedy(error)
            named = (path and path in str(error)) or (key and key in str(error))
            assert named, f"{error} does not say what was asked for"

    def test_an_error_holds_no_value(
        self, provider: New, properties: Properties, known: Known, refused: Refused
    ) -> None:
        made = configured(provider, properties)
        near = [(path, f"{key}x") for path, key, _ in known]
        errors = [error for reference in (*refused, *near) if (error := refusal(made, *reference)) is not None]
        for error in errors:
            said = error.sentence()
            assert not [value for _, _, value in known if value in said], "what it brings is secret"

    def test_odd_references_bring_a_text_or_an_error(self, provider: New, properties: Properties, known: Known) -> None:
        made = configured(provider, properties)
        for path in (*ODD, *(path for path, _, _ in known)):
            for key in (*ODD, *(key for _, key, _ in known)):
                refusal(made, path, key)

    async def test_it_leaves_the_loop_to_others(self, provider: New, properties: Properties, known: Known) -> None:
        made = configured(provider, properties)

        async def fetch() -> None:
            for path, key, _ in known:
                made.get(path, key)
                await asyncio.sleep(0)

        assert await longest_hold(fetch) < LONGEST_HOLD
