"""Header texts as values, their types inferred: Connect's `org.apache.kafka.connect.data.Values.parseString`."""

from __future__ import annotations

from typing import Final

from cdc.converters.header_collections import Unreadable, list_of, map_of
from cdc.converters.header_scalars import number, temporal
from cdc.converters.header_tokens import Tokens, trimmed
from cdc.model.connect_record import SchemaAndValue
from cdc.model.schema import BOOLEAN, STRING

_NULL: Final = SchemaAndValue(None, None)
_LITERALS: Final = {"null": _NULL, "true": SchemaAndValue(BOOLEAN, True), "false": SchemaAndValue(BOOLEAN, False)}


def parse_value(text: str) -> SchemaAndValue:
    """Return what a text looks like; a string, when it looks like nothing else.

    Null has no schema. A list of values without a common type has no schema of its items, and a map likewise.
    What stands behind a number, a list or a map is not read, as in Connect.

    Raises:
        RecursionError: lists and maps are nested hundreds deep.
    """
    return _Parser(text).parse() if text else SchemaAndValue(STRING, "")


class _Parser:
    """One pass over one text."""

    def __init__(self, text: str) -> None:
        self.tokens = Tokens(text)

    def parse(self) -> SchemaAndValue:
        """Return the value of the whole text."""
        found = self._literal(embedded=False) or self._collection()
        if found is not None:
            return found
        token = self.tokens.take()
        if not trimmed(token):
            return SchemaAndValue(STRING, token)
        return self._plain(trimmed(token)) or SchemaAndValue(STRING, self.tokens.text)

    def _embedded(self) -> SchemaAndValue:
        """Return a value inside a list or map."""
        if not self.tokens.more():
            return _NULL
        if self.tokens.accept('"'):
            return self._quoted()
        found = self._literal(embedded=True) or self._collection()
        if found is not None:
            return found
        token = self.tokens.take()
        plain = self._plain(trimmed(token)) if trimmed(token) else SchemaAndValue(STRING, token)
        if plain is None:
            raise Unreadable
        return plain

    def _literal(self, *, embedded: bool) -> SchemaAndValue | None:
        for word, meaning in _LITERALS.items():
            start = self.tokens.mark()
            if self.tokens.accept(word) and (embedded or not self.tokens.more()):
                return meaning
            self.tokens.rewind(start)
        return None

    def _collection(self) -> SchemaAndValue | None:
        start = self.tokens.mark()
        try:
            if self.tokens.accept("["):
                return self._list()
            if self.tokens.accept("{"):
                return self._map()
        except Unreadable:
            self.tokens.rewind(start)
        return None

    def _list(self) -> SchemaAndValue:
        found: list[SchemaAndValue] = []
        while self.tokens.more():
            if self.tokens.accept("]"):
                return list_of(found)
            if self.tokens.accept(","):
                raise Unreadable
            found.append(self._embedded())
            self._separator()
        raise Unreadable

    def _separator(self) -> None:
        place = self.tokens.mark()
        if self.tokens.accept("]"):
            self.tokens.rewind(place)
        elif not self.tokens.accept(","):
            raise Unreadable

    def _map(self) -> SchemaAndValue:
        keys: list[SchemaAndValue] = []
        values: list[SchemaAndValue] = []
        while self.tokens.more():
            if self.tokens.accept("}"):
                return map_of(keys, values)
            if self.tokens.accept(","):
                raise Unreadable
            keys.append(self._embedded())
            # A dict has no place for a list as a key, so such a map stays a string.
            if isinstance(keys[-1].value, list | dict | None) or not self.tokens.accept(":"):
                raise Unreadable
            values.append(self._embedded())
            self.tokens.accept(",")
        raise Unreadable

    def _quoted(self) -> SchemaAndValue:
        parts: list[str] = []
        while self.tokens.more() and not self.tokens.accept('"'):
            parts.append(self.tokens.take())
        content = "".join(parts)
        return temporal(content) or SchemaAndValue(STRING, content)

    def _plain(self, token: str) -> SchemaAndValue | None:
        """Return the date, time or number that begins with this token; None when none does."""
        if not token[0].isdecimal():
            return number(token) if token[0] in "+-" else None
        # A time is cut into five tokens at its colons.
        place = self.tokens.mark()
        rest = self.tokens.ahead(4)
        found = temporal(token + rest) if rest is not None else None
        if found is None:
            self.tokens.rewind(place)
            found = temporal(token)
        return found or number(token)
