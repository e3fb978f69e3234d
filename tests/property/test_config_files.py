"""Java properties: what one writes is what is read, whatever the text; other text is refused, never mangled."""

import json
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdc.config.files import load, parse_properties
from cdc.errors import ConfigError

TEXT = st.text(st.characters(codec="utf-8"))
FRAGMENTS = st.text(st.sampled_from(list("ab=: \t\f\\#!\n\ru0041d8")))


def stored(text: str, spaces: bool) -> str:
    """Return the text as `java.util.Properties.store` escapes it: beyond Latin-1 in halves of surrogate pairs."""
    out = []
    for index, character in enumerate(text):
        if character in "=:#!\\" or (character == " " and (spaces or index == 0)):
            out.append("\\" + character)
        elif character in "\t\n\r\f":
            out.append({"\t": "\\t", "\n": "\\n", "\r": "\\r", "\f": "\\f"}[character])
        elif "\x20" <= character <= "\x7e":
            out.append(character)
        else:
            units = character.encode("utf-16-be").hex()
            out.append("".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)))
    return "".join(out)


def attempt(read: Callable[[], Mapping[str, str]]) -> tuple[Mapping[str, str], str]:
    """Return what was read, or the sentence of the refusal."""
    try:
        return read(), ""
    except ConfigError as error:
        return {}, f"{error} {error.remedy}"


@given(st.dictionaries(TEXT.filter(bool), TEXT), st.sampled_from("=: "), st.sampled_from(["\n", "\r", "\r\n"]))
def test_what_java_stores_is_read_back(values, separator, newline):
    lines = [f"{stored(key, True)}{separator}{stored(value, False)}" for key, value in values.items()]
    assert parse_properties("# stored" + newline + newline.join(lines)) == values


@given(st.dictionaries(TEXT.filter(bool), TEXT), st.data())
def test_a_line_may_be_continued_anywhere_but_within_an_escape(values, data):
    lines = []
    for key, value in values.items():
        parts = [stored(key, True), "=", *(stored(c, True) for c in value)]
        cut = data.draw(st.integers(1, len(parts)))
        lines.append("".join(parts[:cut]) + "\\\n  \t" + "".join(parts[cut:]))
    assert parse_properties("\n".join(lines)) == values


@given(FRAGMENTS)
def test_any_text_is_read_or_refused(text):
    read, fault = attempt(lambda: parse_properties(text))
    assert fault or all(isinstance(part, str) for pair in read.items() for part in pair)


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.integers() | st.none() | st.lists(st.text())))
def test_any_json_object_is_read_or_refused(tmp_path_factory, values):
    file = tmp_path_factory.mktemp("config") / "c.json"
    file.write_text(json.dumps({"name": "n"} | values))
    read, fault = attempt(lambda: load(file)[1])
    file.unlink()
    refused = [name for name, value in values.items() if not isinstance(value, str | int)]
    assert fault or not refused or "config" in values
    assert fault or read.keys() >= values.keys() - {"name"}


@given(st.binary())
def test_any_bytes_are_read_or_refused(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("config")
    for name in ("c.json", "c.properties"):
        (folder / name).write_bytes(data)
        with pytest.raises(ConfigError) as caught:
            load(folder / name)
        assert caught.value.remedy
