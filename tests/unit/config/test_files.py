import json

import pytest

from cdc.config import load
from cdc.config.files import parse_properties
from cdc.errors import ConfigError

NAMED = {"name": "shop", "a": "1"}


@pytest.fixture
def written(tmp_path):
    def write(content, name="connector.json"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


@pytest.mark.parametrize(
    "document",
    [
        {"name": "shop", "config": {"a": "1"}},
        {"name": "shop", "config": {"name": "shop", "a": "1"}},
        {"config": {"name": " shop ", "a": "1"}},
        {"name": "shop", "a": "1"},
    ],
)
def test_json_with_and_without_a_config_object(written, document):
    name, config = load(written(json.dumps(document)))
    assert name == "shop"
    assert {k: v.strip() for k, v in config.items()} == NAMED


def test_numbers_and_booleans_become_text_as_they_were_written(written):
    text = '{"name": "n", "t": true, "f": false, "i": 12345678901234567890123, "d": 1.10, "s": "x"}'
    _, config = load(written(text))
    assert config == {"name": "n", "t": "true", "f": "false", "i": "12345678901234567890123", "d": "1.10", "s": "x"}


def test_a_byte_order_mark_is_passed_over(written):
    assert load(written(b'\xef\xbb\xbf{"name": "n"}'))[0] == "n"


def test_the_answer_of_connect_to_a_get_is_a_file_too(written):
    text = '{"name": "n", "config": {"a": "1"}, "tasks": [], "type": "source"}'
    assert load(written(text)) == ("n", {"a": "1", "name": "n"})


@pytest.mark.parametrize(
    ("content", "fact"),
    [
        (
            '{"name": "n",\n  oops}',
            "is not JSON: Expecting property name enclosed in double quotes in line 2, column 3",
        ),
        ("", "is not JSON: Expecting value in line 1, column 1"),
        ("[]", "holds an array, not an object"),
        ("null", "holds null, not an object"),
        ("5", "holds a single value, not an object"),
        ('{"a": {"b": 1}, "name": "n"}', "gives a an object"),
        ('{"a": ["b"], "name": "n"}', "gives a an array"),
        ('{"a": null, "name": "n"}', "gives a null"),
        ('{"a": "1"}', "does not name its connector"),
        ('{"name": "a", "config": {"name": "b"}}', "names its connector 'a' and 'b'"),
        ('{"name": "a", "config": {}, "topic.prefix": "x"}', "has topic.prefix beside config"),
        ('{"name": ["a"], "config": {}}', "gives name an array"),
        ('{"name": "a", "name": "b"}', "is not a configuration: name stands in it twice"),
        ('{"name": NaN}', "is not a configuration: NaN is not JSON"),
        ('{"name": "n", "a": "\\ud800"}', "has half a character in 'a'"),
        ("[" * 100_000, "is not a configuration: it is too deeply nested"),
        (b'{"name": "n",\n "a": "\xff"}', "is not UTF-8: byte 0xff in line 2"),
    ],
)
def test_json_that_is_no_configuration(written, content, fact):
    file = written(content)
    with pytest.raises(ConfigError) as caught:
        load(file)
    assert str(caught.value) == f"{file} {fact}"
    assert caught.value.remedy


def test_files_that_cannot_be_read(tmp_path, written):
    for path, fact in (
        (tmp_path / "absent.json", "does not exist"),
        (tmp_path, "is a directory"),
        (written("{}") / "below.json", "cannot be read: Not a directory"),
        ("a\0b", "cannot be read: embedded null byte"),
    ):
        with pytest.raises(ConfigError, match=fact):
            load(path)


def test_properties_name_their_connector(written):
    assert load(written("name=shop\na : 1\n", "shop.properties")) == ("shop", NAMED)
    with pytest.raises(ConfigError, match="does not name its connector"):
        load(written("a=1", "shop.properties"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("a=1", {"a": "1"}),
        ("a:1", {"a": "1"}),
        ("a 1", {"a": "1"}),
        ("  a \t =  1  ", {"a": "1  "}),
        ("a = = 1", {"a": "= 1"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("# c\n! c\n\n  # c\na=1 # no comment", {"a": "1 # no comment"}),
        ("a=1\\\n   2\\\r\n 3\rb=4", {"a": "123", "b": "4"}),
        ("a=1\\\n\nb=2", {"a": "1", "b": "2"}),
        ("a=1\\\n# part of it", {"a": "1# part of it"}),
        ("a=1\\\\\nb=2", {"a": "1\\", "b": "2"}),
        ("a=1\\", {"a": "1"}),
        ("\\\n# c\na=1", {"a": "1"}),
        (r"a\=b\:c\ d=x", {"a=b:c d": "x"}),
        (r"a=\t\n\r\f\q\"", {"a": '\t\n\r\fq"'}),
        (r"a=\u00e9\u4e2d\ud83d\ude00", {"a": "é中😀"}),
        ("a=é", {"a": "é"}),
        ("a=1\u2028\x0b2", {"a": "1\u2028\x0b2"}),
        (r"table.include.list=public\\.a,public\\.b", {"table.include.list": r"public\.a,public\.b"}),
    ],
)
def test_properties_are_read_as_java_reads_them(text, values):
    assert parse_properties(text) == values


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("a=1\n\nb=hunter2\\u00g1", "f has a malformed \\u escape in line 3"),
        (r"a=hunter2\ud83d", "f has half a character in line 1"),
        ("a=1\nb=2\na=hunter2", "f sets a in line 1 and in line 3"),
    ],
)
def test_properties_that_are_malformed(text, fact):
    with pytest.raises(ConfigError) as caught:
        parse_properties(text, "f")
    assert str(caught.value) == fact
    assert "hunter2" not in caught.value.sentence()
