"""Which plugins are found where, and which one a name means."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from cdc.connect.aliases import BuiltIn, Kind
from cdc.connect.herder import RequestError
from cdc.connect.plugin import Plugin
from cdc.connect.plugins import Plugins
from cdc.errors import ConfigError

POSTGRES = "io.debezium.connector.postgresql.PostgresConnector"
FILE_SOURCE = "org.apache.kafka.connect.file.FileStreamSourceConnector"
FILE_SINK = "org.apache.kafka.connect.file.FileStreamSinkConnector"
JSON = "org.apache.kafka.connect.json.JsonConverter"

HEAD = "from cdc.config.definition import Definition\n"
SOURCE = """
class {name}Task:
    def start(self, context): ...
    def poll(self): ...
    def commit(self): ...
    def stop(self): ...

class {name}:
    version = "2.5"
    definition = Definition(())
    task = {name}Task
    def validate(self, properties): ...
    def start(self, properties): ...
    def task_configs(self, max_tasks): ...
    def alter_offsets(self, properties, offsets): ...
    def stop(self): ...
"""
SINK = SOURCE.replace("def poll(self): ...", "def open(self, p): ...\n    def put(self, r): ...").replace(
    "def commit(self): ...", "def flush(self, o): ...\n    def pre_commit(self, o): ...\n    def close(self, p): ..."
)
CONVERTER = """
class {name}:
    definition = Definition(())
    def configure(self, properties, *, is_key=False): ...
    def from_connect_data(self, topic, schema, value): ...
    def to_connect_data(self, topic, data): ...
"""
TRANSFORM = """
class {name}:
    definition = Definition(())
    def configure(self, properties): ...
    def apply(self, record): ...
    def close(self): ...
"""
PREDICATE = TRANSFORM.replace("apply", "test")
PROVIDER = """
class {name}:
    definition = Definition(())
    def configure(self, properties): ...
    def get(self, path, key): return f"{{path}} of {{key}}"
"""


@pytest.fixture(autouse=True)
def imports_of_its_own(monkeypatch):
    """Let each test add to `sys.path` and import what it likes."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if not name.startswith("cdc"):
            del sys.modules[name]


def module(folder: Path, name: str, *bodies: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.py").write_text(HEAD + "\n".join(textwrap.dedent(body) for body in bodies))


def dist_info(name: str, version: str, entry_points: str) -> dict[str, str]:
    folder = f"{name}-{version}.dist-info"
    return {
        f"{folder}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{folder}/entry_points.txt": textwrap.dedent(entry_points),
    }


def installed(folder: Path, name: str, version: str, entry_points: str) -> None:
    for path, text in dist_info(name, version, entry_points).items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)


def wheel(path: Path, files: dict[str, str]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def discovered(*plugin_path: Path) -> dict[str, Plugin]:
    """What is found beneath `plugin.path` beside our own plugins and those of installed packages."""
    elsewhere = {(each.class_name, each.kind) for each in Plugins.discover().all()}
    found = Plugins.discover(plugin_path).all()
    return {f"{p.kind} {p.class_name}": p for p in found if (p.class_name, p.kind) not in elsewhere}


@pytest.fixture
def few(tmp_path):
    """Plugins with fakes behind Java's names."""
    module(tmp_path, "few_fakes", *(SOURCE.format(name=name) for name in ("Pg", "Lines")), SINK.format(name="Out"))
    module(tmp_path, "few_converters", CONVERTER.format(name="Json"))
    sys.path.append(str(tmp_path))
    return Plugins.discover(
        (),
        (
            BuiltIn(POSTGRES, "few_fakes:Pg", (Kind.SOURCE,), ("postgres",)),
            BuiltIn(FILE_SOURCE, "few_fakes:Lines", (Kind.SOURCE,)),
            BuiltIn(FILE_SINK, "few_fakes:Out", (Kind.SINK,)),
            BuiltIn("io.debezium.connector.mysql.MySqlConnector", "few_absent:MySql", (Kind.SOURCE,)),
            BuiltIn(JSON, "few_converters:Json", (Kind.CONVERTER, Kind.HEADER_CONVERTER), ("json",)),
            BuiltIn("io.debezium.converters.JsonConverter", "few_converters:Json", (Kind.CONVERTER,)),
        ),
    )


@pytest.mark.parametrize(
    ("name", "class_name"),
    [
        (POSTGRES, POSTGRES),
        ("PostgresConnector", POSTGRES),
        ("Postgres", POSTGRES),
        (" POSTGRES ", POSTGRES),
        (FILE_SOURCE.lower(), FILE_SOURCE),
        ("FileStreamSourceConnector", FILE_SOURCE),
        ("FileStreamSource", FILE_SOURCE),
        ("FileStreamSink", FILE_SINK),
    ],
)
def test_a_connector_is_found_by_full_simple_and_short_name_in_any_case(few, name, class_name):
    assert few.connector(name).class_name == class_name


def test_a_plugin_is_imported_when_it_is_asked_for_and_not_before(few):
    assert "few_fakes" not in sys.modules
    plugin = few.connector("FileStreamSink")
    assert plugin.load() is sys.modules["few_fakes"].Out
    assert plugin.kind is Kind.SINK


def test_an_unknown_connector_is_refused_in_connects_words_with_the_nearest_known_one(few):
    with pytest.raises(RequestError) as caught:
        few.connector("io.debezium.connector.postgres.PostgresConnector")
    assert str(caught.value) == (
        "Failed to find any class that implements Connector and which name matches"
        " io.debezium.connector.postgres.PostgresConnector, available connectors are: "
        f"io.debezium.connector.mysql.MySqlConnector, {POSTGRES}, {FILE_SINK}, {FILE_SOURCE}"
    )
    assert caught.value.remedy == f"Did you mean {POSTGRES}?"
    assert caught.value.status == 400


@pytest.mark.parametrize(
    "lookup", ["connector", "converter", "header_converter", "transformation", "predicate", "config_provider"]
)
def test_a_name_that_resembles_nothing_is_refused_by_every_lookup(few, lookup):
    with pytest.raises(RequestError, match=r"which name matches no\.such.Thing, available"):
        getattr(few, lookup)("no.such.Thing")


def test_a_connector_is_no_converter(few):
    with pytest.raises(RequestError, match="implements Converter"):
        few.converter("FileStreamSink")


def test_a_plugin_that_cannot_be_imported_is_refused_with_the_cause_and_the_others_live(few):
    with pytest.raises(RequestError) as caught:
        few.connector("MySql")
    assert str(caught.value) == (
        "the plugin io.debezium.connector.mysql.MySqlConnector cannot be used: importing few_absent raised"
        " ModuleNotFoundError: No module named 'few_absent'"
    )
    assert few.connector("postgres").class_name == POSTGRES


def test_a_plugin_that_lacks_part_of_its_contract_is_refused_with_what_it_lacks(few):
    assert few.converter("json").class_name == JSON
    with pytest.raises(RequestError, match="lacks from_connect_header, to_connect_header of HeaderConverter"):
        few.header_converter("json")


def test_two_names_of_one_class_are_not_ambiguous_and_two_classes_are(tmp_path):
    module(tmp_path / "a", "clash_a", CONVERTER.format(name="XConverter"), "cdc_plugins = [XConverter]")
    module(tmp_path / "b", "clash_b", CONVERTER.format(name="XConverter"), "cdc_plugins = [XConverter]")
    found = Plugins.discover([tmp_path])
    with pytest.raises(RequestError, match=r"More than one converter matches alias x\..*clash_a.*clash_b"):
        found.converter("x")
    assert found.converter("clash_b.XConverter").class_name == "clash_b.XConverter"


def test_the_list_has_sinks_sources_transforms_predicates_converters_and_header_converters_in_this_order(few, tmp_path):
    order = ["sink", "source", "transformation", "predicate", "converter", "header_converter"]
    module(tmp_path / "p", "order_p", TRANSFORM.format(name="T"), PREDICATE.format(name="P"), "cdc_plugins = [P, T]")
    infos = Plugins.discover([tmp_path / "p"]).infos(connectors_only=False)
    assert list(infos) == sorted(infos, key=lambda info: (order.index(info.type), info.class_name))
    assert {info.type for info in infos} == set(order)
    types = [info.type for info in few.infos(connectors_only=True)]
    assert types == ["sink", "source", "source", "source"]


def test_the_plugins_that_come_with_the_worker_have_javas_names():
    found = {(info.class_name, info.type) for info in Plugins.discover().infos(connectors_only=False)}
    assert {(POSTGRES, "source"), (FILE_SOURCE, "source"), (FILE_SINK, "sink"), (JSON, "converter")} <= found
    assert ("org.apache.kafka.connect.storage.SimpleHeaderConverter", "header_converter") in found


def test_entry_points_of_a_folder_that_pip_filled_are_found_with_their_version(tmp_path):
    module(tmp_path / "lib", "piped", SOURCE.format(name="Clock"), CONVERTER.format(name="Text"))
    module(tmp_path / "lib", "a_dependency", "raise AssertionError('nobody asked for this')")
    points = """\
        [cdc.connectors]
        clock = piped:Clock
        [cdc.converters]
        text = piped:Text
        [console_scripts]
        clock = piped:main
        """
    installed(tmp_path / "lib", "piped", "1.7", points)
    assert {name: p.version for name, p in discovered(tmp_path).items()} == {
        "source piped.Clock": "2.5",
        "converter piped.Text": "1.7",
    }
    plugins = Plugins.discover([tmp_path])
    assert plugins.connector("clock").class_name == "piped.Clock"
    assert plugins.converter("text").load() is sys.modules["piped"].Text


@pytest.mark.parametrize("entry", ["", "wheels", "wheels/zipped-3-py3-none-any.whl"])
def test_a_wheel_is_found_in_a_folder_and_by_its_path(tmp_path, entry):
    body = HEAD + TRANSFORM.format(name="Upper") + PREDICATE.format(name="Loud")
    points = "[cdc.transforms]\nupper = zipped:Upper\n[cdc.predicates]\nloud = zipped:Loud\n"
    wheel(tmp_path / "wheels" / "zipped-3-py3-none-any.whl", {"zipped.py": body, **dist_info("zipped", "3", points)})
    assert sorted(discovered(tmp_path / entry)) == ["predicate zipped.Loud", "transformation zipped.Upper"]
    assert Plugins.discover([tmp_path / entry]).transformation("upper").version == "3"


def test_a_config_provider_is_found_by_its_entry_point_or_in_a_module_and_is_not_listed(tmp_path):
    module(tmp_path, "vault_module", PROVIDER.format(name="VaultConfigProvider"))
    installed(tmp_path, "vault", "1", "[cdc.config_providers]\nsafe = vault_module:VaultConfigProvider\n")
    module(tmp_path, "own_provider", PROVIDER.format(name="Own"), "cdc_plugins = [Own]")
    plugins = Plugins.discover([tmp_path])
    for name in ("safe", "vault", "VaultConfigProvider", "vault_module.VaultConfigProvider"):
        assert plugins.config_provider(name) is sys.modules["vault_module"].VaultConfigProvider
    assert plugins.config_provider("Own") is sys.modules["own_provider"].Own
    assert {"own_provider.Own", "vault_module.VaultConfigProvider"} <= set(plugins.class_names(Kind.CONFIG_PROVIDER))
    assert not {"config_provider"} & {info.type for info in plugins.infos(connectors_only=False)}
    with pytest.raises(RequestError, match="implements Plugin"):
        plugins.plugin("VaultConfigProvider")


def test_kafkas_config_providers_have_their_names():
    plugins = Plugins.discover()
    for name in ("Directory", "EnvVar", "File"):
        full = f"org.apache.kafka.common.config.provider.{name}ConfigProvider"
        assert plugins.config_provider(full).__name__ == f"{name}ConfigProvider"


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        ({"fast.cpython-311-x86_64-linux-gnu.so": ""}, "compiled modules need a folder"),
        (None, "cannot be read as a wheel"),
    ],
)
def test_a_wheel_that_cannot_be_imported_is_marked(tmp_path, content, cause):
    path = tmp_path / "fast-1-py3-none-any.whl"
    if content is None:
        path.write_text("no zip")
    else:
        wheel(path, content)
    found = discovered(tmp_path)
    assert cause in found[f"unknown {path.name}"].error
    assert str(path) not in sys.path


def test_a_module_says_in_cdc_plugins_what_it_offers(tmp_path):
    both = (
        CONVERTER
        + "    def from_connect_header(self, t, k, s, v): ...\n    def to_connect_header(self, t, k, d): ...\n"
    )
    module(tmp_path, "own_module", SINK.format(name="Out"), both.format(name="Both"), "cdc_plugins = [Out, Both]")
    module(tmp_path / "package", "__init__", SOURCE.format(name="In"), "cdc_plugins = (In,)")
    module(tmp_path, "own_other", "raise AssertionError('it offers nothing')")
    assert sorted(discovered(tmp_path)) == [
        "converter own_module.Both",
        "header_converter own_module.Both",
        "sink own_module.Out",
        "source package.In",
    ]


def test_a_source_without_a_task_hands_over_batches_and_a_sink_must_have_one(tmp_path):
    module(tmp_path, "taskless", SOURCE.format(name="In"), "In.task = None", "cdc_plugins = [In]")
    assert list(discovered(tmp_path)) == ["source taskless.In"]


@pytest.mark.parametrize(
    ("body", "name", "cause"),
    [
        ("cdc_plugins = 1 / 0", "bad_module", "importing bad_module raised ZeroDivisionError: division by zero"),
        ("cdc_plugins = []\nraise SystemExit('bye')", "bad_module", "importing bad_module raised SystemExit: bye"),
        ("cdc_plugins = 'X'", "bad_module", "its cdc_plugins is not a list of classes: 'X'"),
        ("class X: ...\ncdc_plugins = [X]", "bad_module.X", "it lacks"),
        (
            CONVERTER.format(name="X").replace("Definition(())", "{}") + "cdc_plugins = [X]",
            "bad_module.X",
            "it lacks definition (a cdc.config.definition.Definition) of Converter",
        ),
        (
            SINK.format(name="X").replace("    def put(self, r): ...\n", "") + "cdc_plugins = [X]",
            "bad_module.X",
            "it lacks task.put of SinkConnector",
        ),
    ],
)
def test_a_module_that_is_wrong_is_marked_with_its_error_and_the_worker_lives(tmp_path, caplog, body, name, cause):
    module(tmp_path, "bad_module", body)
    module(tmp_path, "good_module", SOURCE.format(name="In"), "cdc_plugins = [In]")
    (broken,) = (p for p in discovered(tmp_path).values() if p.error)
    assert broken.class_name == name
    assert broken.error.startswith(cause)
    assert f"the plugin {name} cannot be used" in caplog.text
    plugins = Plugins.discover([tmp_path])
    assert name not in {info.class_name for info in plugins.infos(connectors_only=False)}
    assert plugins.connector("good_module.In").kind is Kind.SOURCE


def test_who_asks_for_a_class_of_a_module_that_could_not_be_imported_is_told_why(tmp_path):
    module(tmp_path, "bad_module", "raise OSError('no licence')", "cdc_plugins = []")
    with pytest.raises(RequestError, match=r"the plugin bad_module cannot be used: .*OSError: no licence"):
        Plugins.discover([tmp_path]).connector("bad_module.MyConnector")


def test_who_asks_for_an_entry_point_that_could_not_be_imported_is_told_why(tmp_path):
    installed(tmp_path, "gone", "1", "[cdc.connectors]\ngone = gone_module:GoneConnector\n")
    plugins = Plugins.discover([tmp_path])
    for name in ("gone", "gone_module.GoneConnector", "GoneConnector"):
        with pytest.raises(RequestError, match="No module named 'gone_module'"):
            plugins.connector(name)


def test_a_plugin_cannot_replace_a_module_of_python(tmp_path):
    module(tmp_path, "colorsys", SOURCE.format(name="In"), "cdc_plugins = [In]")
    (broken,) = discovered(tmp_path).values()
    assert "has no attribute 'cdc_plugins'" in broken.error


@pytest.mark.parametrize(
    ("entry", "fact"),
    [
        ("absent", "which does not exist"),
        ("plain.txt", "which is neither a folder nor a wheel"),
    ],
)
def test_an_entry_of_the_path_that_cannot_hold_plugins_is_an_error(tmp_path, entry, fact):
    (tmp_path / "plain.txt").touch()
    with pytest.raises(ConfigError, match=fact):
        Plugins.discover([tmp_path / entry])


def test_a_relative_entry_of_the_path_is_an_error():
    with pytest.raises(ConfigError, match="depends on the directory") as caught:
        Plugins.discover([Path("tests")])
    assert caught.value.remedy == "Give an absolute path."


def test_discovery_loads_no_driver_and_nothing_from_the_current_directory(tmp_path):
    installed(tmp_path, "here", "1", "[cdc.connectors]\nhere = here:Here\n")
    module(tmp_path, "here", SOURCE.format(name="Here"), "cdc_plugins = [Here]")
    program = """
import sys
from cdc.connect.plugins import Plugins
names = {plugin.class_name for plugin in Plugins.discover().all()}
print(*sorted({"here.Here"} & names), *sorted({"here", "psycopg", "aiokafka", "aiohttp"} & set(sys.modules)), "end")
"""
    root = str(Path(__file__).resolve().parents[3])
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["end"]
