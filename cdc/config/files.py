"""Connector configurations in files: JSON, as Kafka Connect's REST API takes it, or Java properties."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NoReturn

from cdc.errors import ConfigError

_BLANK: Final = " \t\f"
_ESCAPES: Final = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def load(path: str | Path) -> tuple[str, Mapping[str, str]]:
    """Return the connector's name and its configuration, `name` included.

    A file that ends in `.properties` holds Java properties; any other holds JSON, `{"name": …, "config": {…}}` or the configuration
    alone. Numbers and booleans become text, as in Kafka Connect.

    Raises:
        ConfigError: the file cannot be read, or is not of that form; the sentence names file, line and column.
    """
    file = Path(path)
    text = read_text(file)
    if file.suffix == ".properties":
        name, config = "", dict(parse_properties(text, str(file)))
    else:
        name, config = _connector(_parse_json(text, str(file)), str(file))
    name = name or config.get("name", "").strip()
    if not name:
        raise ConfigError(f"{file} does not name its connector", 'Add the property "name".')
    if config.setdefault("name", name).strip() != name:
        raise ConfigError(
            f"{file} names its connector {name!r} and {config['name']!r}", "Give one name, or the same one twice."
        )
    return name, config


def read_text(file: Path) -> str:
    """Return the text of a UTF-8 file, without a byte order mark.

    Raises:
        ConfigError: it is absent, not a file, not readable or not UTF-8.
    """
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise ConfigError(f"{file} does not exist", "Check the path.") from error
    except IsADirectoryError as error:
        raise ConfigError(f"{file} is a directory", "Name a file in it.") from error
    except (OSError, ValueError) as error:
        raise ConfigError(
            f"{file} cannot be read: {getattr(error, 'strerror', None) or error}", "Check the path and its permissions."
        ) from error
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError(
            f"{file} is not UTF-8: byte 0x{data[error.start]:02x} in line {line}", "Save it as UTF-8."
        ) from error


def parse_properties(text: str, source: str = "properties") -> Mapping[str, str]:
    r"""Return the keys and values of Java properties; `source` names them in errors.

    Comments (`#`, `!`), continued lines, `=`, `:` or blanks between key and value, and the escapes `\\t \\n \\r \\f \\uXXXX` are read as
    `java.util.Properties.load` does, from UTF-8. A key that stands twice is an error, where Java takes the last.

    Raises:
        ConfigError: an escape is malformed, or a key stands twice.
    """
    lines: dict[str, int] = {}
    values: dict[str, str] = {}
    for number, line in _logical_lines(text):
        key, value = (_unescape(part, source, number) for part in _split(line))
        if key in lines:
            raise ConfigError(f"{source} sets {key} in line {lines[key]} and in line {number}", "Keep one of them.")
        lines[key] = number
        values[key] = value
    return values


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that holds a property, continuations joined, with the number at which it begins."""
    begun, start = "", 0
    for number, line in enumerate(re.split(r"\r\n|\r|\n", text), 1):
        natural = line.lstrip(_BLANK)
        if not start and (not natural or natural[0] in "#!"):
            continue
        start = start or number
        # An even number of backslashes is so many escaped backslashes; the odd one out continues the line.
        if (len(natural) - len(natural.rstrip("\\"))) % 2:
            begun += natural[:-1]
            start = start if begun else 0
            continue
        yield start, begun + natural
        begun, start = "", 0
    if start:
        yield start, begun


def _split(line: str) -> tuple[str, str]:
    found = re.fullmatch(r"((?:\\.|[^=: \t\f\\])*)[ \t\f]*[=:]?[ \t\f]*(.*)", line, re.DOTALL)
    return (found[1], found[2]) if found else (line, "")


def _unescape(text: str, source: str, line: int) -> str:
    def replace(found: re.Match[str]) -> str:
        if found[1]:
            return chr(int(found[1], 16))
        if found[2] == "u":
            raise ConfigError(
                f"{source} has a malformed \\u escape in line {line}", "Write four hexadecimal digits after \\u."
            )
        return _ESCAPES.get(found[2], found[2])

    plain = re.sub(r"\\(?:u([0-9a-fA-F]{4})|(.))", replace, text, flags=re.DOTALL)
    try:
        # Java escapes a character beyond the first plane as two halves.
        return plain.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{source} has half a character in line {line}", "Give both \\u escapes of the pair."
        ) from error


def _parse_json(text: str, source: str) -> object:
    try:
        return json.loads(text, parse_int=str, parse_float=str, parse_constant=_no_constant, object_pairs_hook=_once)
    except json.JSONDecodeError as error:
        raise ConfigError(
            f"{source} is not JSON: {error.msg} in line {error.lineno}, column {error.colno}", "Correct the file."
        ) from error
    except (ValueError, RecursionError) as error:
        fault = "it is too deeply nested" if isinstance(error, RecursionError) else error
        raise ConfigError(f"{source} is not a configuration: {fault}", "Correct the file.") from error


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON")


def _once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in pairs:
        if name in values:
            raise ValueError(f"{name} stands in it twice")
        values[name] = value
    return values


def _connector(document: object, source: str) -> tuple[str, dict[str, str]]:
    if not isinstance(document, dict):
        raise ConfigError(f"{source} holds {_kind(document)}, not an object", 'Write {"name": …, "config": {…}}.')
    if not isinstance(document.get("config"), dict):
        return "", flatten(document, source)
    others = sorted(document.keys() - {"name", "config", "initial_state", "tasks", "type"})
    if others:
        raise ConfigError(f"{source} has {others[0]} beside config", "Move it into config.")
    name = flatten({"name": document.get("name", "")}, source)["name"]
    return name.strip(), flatten(document["config"], source)


def flatten(values: Mapping[str, object], source: str) -> dict[str, str]:
    """Return the values as text: booleans in small letters, numbers as they were written.

    Raises:
        ConfigError: a value is null, an object or an array; `source` names where it stood.
    """
    return {name: _text(name, value, source) for name, value in values.items()}


def is_text(text: str) -> bool:
    """Whether the text can be written as UTF-8: JSON and the environment can bring halves of characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _text(name: str, value: object, source: str) -> str:
    if not is_text(name) or (isinstance(value, str) and not is_text(value)):
        raise ConfigError(f"{source} has half a character in {name!r}", "Give both \\u escapes of the pair.")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    remedy = "Give a text, or remove it." if value is None else "Write one text, with commas between several values."
    raise ConfigError(f"{source} gives {name} {_kind(value)}", remedy)


def _kind(value: object) -> str:
    words = {dict: "an object", list: "an array", type(None): "null"}
    return words.get(type(value), "a single value")
