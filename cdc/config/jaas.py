"""The one line of Java login configuration that Kafka clients take as `sasl.jaas.config`.

Only the two modules that carry a user name and a password are read. A Java client instantiates whatever module the line names, which
is how CVE-2023-25194 runs code through JndiLoginModule; here no other module has a meaning.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from cdc.config.property import Validator
from cdc.config.secret import Secret

_MODULES: Final = {
    "org.apache.kafka.common.security.plain.PlainLoginModule": "PLAIN",
    "org.apache.kafka.common.security.scram.ScramLoginModule": "SCRAM",
}
_LINE: Final = re.compile(
    r"""\s*(?P<module>[\w.$]+)\s+(?P<flag>\w+)(?P<options>(?:\s+[\w.-]+\s*=\s*(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|[^\s;"']+))*)\s*;\s*""",
    re.DOTALL,
)
_OPTION: Final = re.compile(r"""([\w.-]+)\s*=\s*(?:"((?:\\.|[^"\\])*)"|'((?:\\.|[^'\\])*)'|([^\s;"']+))""", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JaasLogin:
    """What a login line says: the family of mechanisms (PLAIN or SCRAM), user name and password."""

    family: str
    username: str
    password: Secret


def parse_jaas(text: str) -> JaasLogin:
    """Return the login of one line `<module> required username="…" password="…";`.

    Raises:
        ValueError: with a verb phrase that never repeats user name or password.
    """
    line = _LINE.fullmatch(text)
    if line is None:
        raise ValueError('is not one line of the form <module> required username="…" password="…";')
    family = _MODULES.get(line["module"])
    if family is None:
        # Only what looks like a class is repeated: a line that was garbled may hold the password here.
        named = line["module"] if re.fullmatch(r"[\w.$]*\.\w*LoginModule", line["module"]) else "of an unknown kind"
        raise ValueError(
            f"has a login module that is refused, {named}: any that it names would run code (CVE-2023-25194)"
        )
    options = {name: _unquote(a or b or c) for name, a, b, c in _OPTION.findall(line["options"])}
    missing = [name for name in ("username", "password") if not options.get(name)]
    if missing:
        raise ValueError(f"has no {' and no '.join(missing)}")
    return JaasLogin(family, options["username"], Secret(options["password"]))


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text, flags=re.DOTALL)


def _fault(value: Secret) -> str:
    try:
        if value:
            parse_jaas(value.reveal())
    except ValueError as error:
        return str(error)
    return ""


JAAS: Final = Validator(
    "a line of PlainLoginModule or ScramLoginModule, or set sasl.username and sasl.password", _fault
)
