"""The config providers of a worker's file."""

from __future__ import annotations

import pytest

from cdc.config.definition import Definition, InvalidConfig
from cdc.config.property import Property, Type
from cdc.config.providers import resolve
from cdc.config.worker import WorkerSettings
from cdc.config.worker_providers import build_providers
from cdc.errors import ConfigError
from tests.unit.config.worker_file import problems

FILE = "org.apache.kafka.common.config.provider.FileConfigProvider"
DIRECTORY = "org.apache.kafka.common.config.provider.DirectoryConfigProvider"
ENVIRONMENT = "org.apache.kafka.common.config.provider.EnvVarConfigProvider"


def providers(name, cls, **parameters):
    named = {f"config.providers.{name}.param.{key}": value for key, value in parameters.items()}
    return {"config.providers": name, f"config.providers.{name}.class": cls, **named}


def test_providers_have_the_names_and_classes_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setenv("CDC_TEST_A", "from the environment")
    (tmp_path / "db.properties").write_text("password=from a file\n")
    raw = {
        "config.providers": "f, e,d",
        "config.providers.f.class": FILE,
        "config.providers.e.class": "EnvVarConfigProvider",
        "config.providers.d.class": DIRECTORY.lower(),
    }
    found = WorkerSettings.from_raw(raw).providers
    assert list(found) == ["f", "e", "d"]
    values = resolve(
        {
            "a": "${e:CDC_TEST_A}",
            "b": f"${{f:{tmp_path}/db.properties:password}}",
            "c": f"${{d:{tmp_path}:db.properties}}",
        },
        found,
    ).values
    assert values == {"a": "from the environment", "b": "from a file", "c": "password=from a file"}


@pytest.mark.parametrize("cls", [FILE, DIRECTORY])
def test_files_outside_the_allowed_paths_are_refused_also_through_links(tmp_path, cls):
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    inside.mkdir()
    outside.mkdir()
    for folder in (inside, outside):
        (folder / "k").write_text("k=v\n")
    (inside / "link").symlink_to(outside / "k")
    found = WorkerSettings.from_raw(providers("p", cls, **{"allowed.paths": f"/nowhere,{inside}"})).providers

    def reference(path):
        return f"${{p:{path}:k}}" if cls == FILE else f"${{p:{path.parent}:{path.name}}}"

    assert resolve({"x": reference(inside / "k")}, found).values["x"] in {"v", "k=v"}
    for path in (outside / "k", inside / "link", inside / ".." / "outside" / "k", tmp_path / "inside2" / "k"):
        with pytest.raises(InvalidConfig, match=r"outside allowed\.paths"):
            resolve({"x": reference(path)}, found)


def test_variables_that_the_pattern_does_not_match_as_a_whole_are_refused(monkeypatch):
    for name in ("CDC_A", "cdc_a", "MY_CDC_A"):
        monkeypatch.setenv(name, "v")
    found = WorkerSettings.from_raw(providers("env", ENVIRONMENT, **{"allowlist.pattern": r"CDC_\w+"})).providers
    assert resolve({"x": "${env:CDC_A}"}, found).values["x"] == "v"
    for name in ("cdc_a", "MY_CDC_A"):
        with pytest.raises(InvalidConfig, match=r"does not match allowlist\.pattern"):
            resolve({"x": f"${{env:{name}}}"}, found)


@pytest.mark.parametrize(
    ("raw", "name", "sentence"),
    [
        ({"config.providers": "v"}, "config.providers.v.class", "is not set"),
        (providers("v", "FileConfigProvidr"), "config.providers.v.class", f"Did you mean {FILE}?"),
        (providers("v", "com.example.Vault"), "config.providers.v.class", "is not a known class"),
        (
            providers("v", FILE, **{"allowed.path": "/x"}),
            "config.providers.v.param.allowed.path",
            "is not a known property",
        ),
        (providers("v", FILE, **{"allowed.paths": "x"}), "config.providers.v.param.allowed.paths", "relative path 'x'"),
        (
            providers("v", ENVIRONMENT, **{"allowlist.pattern": "("}),
            "config.providers.v.param.allowlist.pattern",
            "is not a regular expression",
        ),
        ({"config.providers.v.class": FILE}, "config.providers.v.class", "belongs to no provider"),
    ],
)
def test_a_provider_that_cannot_be_built_is_refused(raw, name, sentence):
    assert sentence in problems(raw)[name]


@pytest.mark.parametrize("cls", [FILE, DIRECTORY])
@pytest.mark.parametrize("path", ["a\0b", "x" * 5000, "loop"])
def test_a_path_that_can_be_none_is_refused_like_any_other(tmp_path, monkeypatch, cls, path):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    found = WorkerSettings.from_raw(providers("p", cls, **{"allowed.paths": str(tmp_path)})).providers
    with pytest.raises(ConfigError) as caught:
        found["p"](path, "k")
    assert caught.value.remedy


class Vault:
    """A provider of somebody else's."""

    definition = Definition([Property("address", Type.STRING, "", "Where it is.")])

    def configure(self, properties):
        self.address = self.definition.parse(properties).string("address")

    def get(self, path, key):
        if path == "broken":
            raise OSError("hunter2")
        return None if path == "odd" else f"{key} at {path} of {self.address}"


class Unusable(Vault):
    def configure(self, properties):
        raise ZeroDivisionError("division by zero")


class Unmade(Vault):
    def __init__(self):
        raise ZeroDivisionError("division by zero")


def plugin(name):
    found = {"org.example.Vault": Vault, "Unusable": Unusable, "Unmade": Unmade}
    if name not in found:
        raise ConfigError(f"no class matches {name}", "Install the plugin.")
    return found[name]


def built(raw):
    found, problems = build_providers(raw, plugin)
    return found, {problem.name: problem.sentence() for problem in problems}


def test_a_provider_may_be_a_plugin():
    found, problems = built(providers("v", "org.example.Vault", address="here"))
    assert problems == {}
    assert resolve({"p": "${v:shop/db:password}"}, found).values == {"p": "password at shop/db of here"}


@pytest.mark.parametrize(
    ("cls", "parameters", "name", "sentence"),
    [
        (
            "org.example.Vault",
            {"adress": "x"},
            "config.providers.v.param.adress",
            "config.providers.v.param.adress is not a known property. Did you mean address?",
        ),
        ("Unusable", {}, "config.providers.v.class", "cannot be configured: ZeroDivisionError: division by zero"),
        ("Unmade", {}, "config.providers.v.class", "cannot be made: ZeroDivisionError: division by zero"),
        ("Absent", {}, "config.providers.v.class", "= 'Absent': no class matches Absent. Install the plugin."),
    ],
)
def test_a_plugin_that_cannot_be_a_provider_is_refused_at_its_property(cls, parameters, name, sentence):
    found, problems = built(providers("v", cls, **parameters))
    assert found == {}
    assert sentence in problems[name]


@pytest.mark.parametrize(
    ("path", "fact"), [("broken", "the provider v raised OSError"), ("odd", "the provider v brought a NoneType")]
)
def test_what_else_a_plugin_does_is_an_error_of_the_reference_without_what_it_says(path, fact):
    found, _ = built(providers("v", "org.example.Vault"))
    with pytest.raises(InvalidConfig, match=fact) as caught:
        resolve({"p": f"${{v:{path}:k}}"}, found)
    assert "hunter2" not in caught.value.sentence()


def test_a_property_of_a_provider_without_param_is_refused():
    raw = {**providers("v", FILE), "config.providers.v.allowed.paths": "/x"}
    assert "is written as config.providers.v.param.…" in problems(raw)["config.providers.v.allowed.paths"]
