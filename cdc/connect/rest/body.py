"""Bodies of requests: JSON of the right shape, or an error that names what is wrong.

Connect answers 500 to most of these mistakes; here each is a 400 with a sentence.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn

from aiohttp import web

from cdc.config.files import flatten
from cdc.connect.herder import RequestError
from cdc.errors import ConfigError

_KINDS: Final = {dict: "an object", list: "an array", str: "a text", bool: "a boolean", type(None): "null"}


async def read_properties(request: web.Request) -> dict[str, str | None]:
    """Return a body that is one object of properties; see `properties`."""
    return properties(await read_object(request, exact_numbers=True), "The body")


async def read_object(request: web.Request, *, exact_numbers: bool) -> dict[str, Any]:
    """Return the object that is the body; with `exact_numbers`, numbers are texts, as they were written.

    Raises:
        RequestError: the body is not JSON in UTF-8, or no object, or did not arrive whole.
        HTTPUnsupportedMediaType: it does not say that it is JSON. Forms of web pages, which need no leave to be sent, stop here.
        HTTPRequestEntityTooLarge: it is above the bound.
    """
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    return as_object(_parse(await read_bytes(request), exact_numbers), "The body")


async def read_bytes(request: web.Request) -> bytes:
    """Return the body, decompressed, the first time and every other; raises RequestError and HTTPRequestEntityTooLarge as `read_object`."""
    try:
        return await request.read()
    except web.RequestPayloadError as error:
        raise RequestError(
            "The body does not arrive whole, or is not compressed as it says", "Send it again, uncompressed."
        ) from error


def _parse(data: bytes, exact_numbers: bool) -> object:
    remedy = "Send JSON in UTF-8."
    if not data.strip():
        raise RequestError("The body is empty", "Send a JSON object.")
    number = str if exact_numbers else None
    try:
        document = json.loads(
            data.decode("utf-8-sig"), parse_int=number, parse_float=number, parse_constant=_no_constant
        )
        # Escapes can bring halves of characters, which nothing behind can store.
        json.dumps(document, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        place = f"in line {error.lineno}, column {error.colno}"
        raise RequestError(f"The body is not JSON: {error.msg} {place}", remedy) from error
    except UnicodeEncodeError as error:
        raise RequestError("The body has half a character", "Give both \\u escapes of the pair.") from error
    except UnicodeDecodeError as error:
        raise RequestError(f"The body is not UTF-8: byte {error.start} is 0x{data[error.start]:02x}", remedy) from error
    except RecursionError as error:
        raise RequestError("The body is too deeply nested", remedy) from error
    except ValueError as error:
        raise RequestError(f"The body is not JSON: {error}", remedy) from error
    return document


def _no_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number in JSON")


def as_object(value: object, what: str) -> dict[str, Any]:
    """Return the value if it is an object; `what` names it in the error."""
    if isinstance(value, dict):
        return value
    raise RequestError(f"{what} is {_KINDS.get(type(value), 'a number')}, not an object", "Send a JSON object.")


def refuse_unknown(document: Mapping[str, object], *known: str) -> None:
    """Raise RequestError when the document has a field that is not known."""
    for name in document:
        if name not in known:
            raise RequestError(f'Unrecognized field "{name}"', f"Known are: {', '.join(known)}.")


def properties(value: object, what: str) -> dict[str, str | None]:
    """Return an object of properties as Jackson reads a map of texts: numbers and booleans become text, null is None.

    Raises:
        RequestError: it is no object, or a property is an object or an array; the sentence names it.
    """
    document = as_object(value, what)
    try:
        texts = flatten({name: each for name, each in document.items() if each is not None}, what)
    except ConfigError as error:
        raise RequestError(str(error), error.remedy) from error
    return {name: texts.get(name) for name in document}


NO_NULL: Final = "Null value can not be supplied as the configuration value."
"""What Connect says of a property that is null."""


def configuration(name: str, given: Mapping[str, str | None]) -> dict[str, str]:
    """Return the configuration of the connector with that name, its `name` included.

    Raises:
        RequestError: it names another connector, there is no name at all, or a property is null, as Connect says it.
    """
    refuse_other_name(name, given)
    wrong = [f"Invalid value null for configuration {key}: {NO_NULL}" for key, value in given.items() if value is None]
    if not name:
        wrong.append("Invalid value  for configuration name: String may not be empty")
    if wrong:
        raise RequestError(_invalid(wrong))
    return {**{key: value for key, value in given.items() if value is not None}, "name": name}


def refuse_other_name(name: str, given: Mapping[str, str | None]) -> None:
    """Raise RequestError when properties name another connector than the request does."""
    included = given.get("name", name)
    if included != name:
        raise RequestError(
            f"Connector name configuration ({included}) doesn't match connector name in the URL ({name})"
        )


def _invalid(errors: list[str]) -> str:
    return "\n".join(
        [
            f"Connector configuration is invalid and contains the following {len(errors)} error(s):",
            *errors,
            "You can also find the above list of errors at the endpoint `/connector-plugins/{connectorType}/config/validate`",
        ]
    )
