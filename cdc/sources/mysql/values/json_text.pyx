"""Decoder of the text that MySQL's SELECT gives for JSON columns, as compact as that of the binary form.

Sources: RFC 8259, and the server's `Json_wrapper::to_string`, which prints opaque values as strings: times and dates with time with six
digits of fraction, anything else as `base64:type15:…`. Decimals are numbers there, and dates print as they are kept.
"""

from libc.stdint cimport int64_t, uint8_t
from libc.string cimport memchr, memcmp

from cdc.converters.json_text cimport write_string
from cdc.model.batch cimport ChangeBatch
from cdc.model.buffer cimport Buffer
from cdc.sources.columns.values cimport ValueDecoder
from cdc.sources.mysql.values.json cimport MAX_DEPTH

import json
import re

from cdc.errors import DecodeError
from cdc.sources.mysql.values.json_path import parse_path

cdef object MOMENT = re.compile(rb"(?:\d{4}-\d\d-\d\d |-?\d?)\d\d:\d\d:\d\d\.\d{6}")
cdef object CONTROL = re.compile(rb"00([0-7][0-9a-fA-F])")
cdef object BINARY = re.compile(rb"base64:type\d{1,3}:([A-Za-z0-9+/\n]*=*)")


def selected(str expression not None):
    """Return the SQL expression to select in place of one of type JSON, for `JsonTextDecoder` to read.

    The text alone does not tell a string from a time, a date with time or binary data that prints the same. Where there is anything of
    that look, a line feed and what JSON_SEARCH says of the document's true strings follow the text.
    """
    return (f"IF({expression} LIKE '%:__:__.______\"%' OR {expression} LIKE '%\"base64:type%', "
            f"CONCAT({expression}, CHAR(10 USING utf8mb4), IFNULL(JSON_SEARCH({expression}, 'all', '%:%:%'), '[]')), {expression})")


cdef class JsonTextDecoder(ValueDecoder):
    """Decodes the text of a JSON value, as the server prints it, as the very text that `JsonDecoder` gives for its binary form.

    Read it by the expression of `selected`; of the bare text, strings that look like the server's print of a time with fraction, a date
    with time or binary data are taken for such. Raises DecodeError.
    """

    cdef const char *text
    cdef Py_ssize_t size
    cdef Py_ssize_t at
    cdef Buffer out
    cdef Buffer scratch
    cdef list path
    cdef set strings  # the paths of true strings, or None where that is not known

    def __cinit__(self):
        self.scratch = Buffer()

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        cdef Py_ssize_t start = batch.arena.size
        cdef const char *behind = <const char *> memchr(text, b"\n", size) if size else NULL
        if size == 0:
            return batch.put_text(cell, b"null", 4)
        self.text, self.size, self.at = text, size if behind == NULL else behind - text, 0
        self.path = []
        self.strings = None if behind == NULL else self._true_strings(text[self.size + 1 : size])
        self.out = batch.arena
        self._value(0)
        if self.at != self.size:
            raise self._malformed("more than one value")
        return batch.put_text_here(cell, start)

    cdef object _malformed(self, str what):
        return DecodeError(f"MySQL sent JSON text with {what}", self.text[: self.size], min(self.at, self.size))

    cdef set _true_strings(self, bytes found):
        try:
            paths = json.loads(found)
        except (ValueError, RecursionError) as error:
            raise DecodeError("MySQL sent paths that are no JSON", found) from error
        paths = [paths] if isinstance(paths, str) else paths
        if not isinstance(paths, list) or not all(isinstance(path, str) for path in paths):
            raise DecodeError("MySQL sent what are no paths", found)
        return {parse_path(path.encode("utf-8", "surrogatepass")) for path in paths}

    cdef uint8_t _next(self) noexcept:
        """Return the byte to read next, 0 at the end."""
        return <uint8_t> self.text[self.at] if self.at < self.size else 0

    cdef int _take(self, char expected) except -1:
        """Copy one byte that must come now, and pass over the space behind it."""
        if self._next() != <uint8_t> expected:
            raise self._malformed(f"no {chr(expected)} where one belongs")
        self.out.write_byte(expected)
        self.at += 1
        if self._next() == b" ":
            self.at += 1
        return 0

    cdef int _value(self, int depth) except -1:
        cdef uint8_t first = self._next()
        if first == b"{":
            return self._container(depth, b"{", b"}")
        if first == b"[":
            return self._container(depth, b"[", b"]")
        if first == b'"':
            return self._string()
        if first == b"n":
            return self._word(b"null")
        if first == b"t":
            return self._word(b"true")
        return self._word(b"false") if first == b"f" else self._number()

    cdef int _container(self, int depth, char begin, char end) except -1:
        cdef Py_ssize_t index = 0
        if depth >= MAX_DEPTH:
            raise self._malformed(f"more than {MAX_DEPTH} levels")
        self._take(begin)
        if self._next() != <uint8_t> end:
            self.path.append(None)
            while True:
                self.path[depth] = self._key() if begin == b"{" else index
                self._value(depth + 1)
                index += 1
                if self._next() != b",":
                    break
                self._take(b",")
            self.path.pop()
        if self._next() != <uint8_t> end:
            raise self._malformed(f"no {chr(end)} where one belongs")
        self.at += 1
        return self.out.write_byte(end)

    cdef object _key(self):
        """Copy a key and its colon; return the key where paths matter."""
        cdef Py_ssize_t size = 0
        cdef const char *key = self._unescaped(&size)
        cdef object name = None
        self._write(key, size)
        if self.strings is not None:
            name = key[:size].decode("utf-8")
        self._take(b":")
        return name

    cdef int _word(self, bytes word) except -1:
        if self.size - self.at < len(word) or memcmp(self.text + self.at, <const char *> word, len(word)) != 0:
            raise self._malformed("a word that it does not have")
        self.at += len(word)
        return self.out.write_bytes(word)

    cdef int _number(self) except -1:
        cdef Py_ssize_t start = self.at
        if self._next() == b"-":
            self.at += 1
        if self._next() == b"0":
            self.at += 1
        else:
            self._digits()
        if self._next() == b".":
            self.at += 1
            self._digits()
        if self._next() in b"eE":
            self.at += 1
            if self._next() in b"+-":
                self.at += 1
            self._digits()
        return self.out.write(self.text + start, self.at - start)

    cdef int _digits(self) except -1:
        cdef Py_ssize_t start = self.at
        while b"0" <= self._next() <= b"9":
            self.at += 1
        if self.at == start:
            raise self._malformed("no digit where one belongs")
        return 0

    cdef int _string(self) except -1:
        """Copy a string, or write what an opaque value is that prints as this one."""
        cdef Py_ssize_t size = 0
        cdef const char *data = self._unescaped(&size)
        if size > 14 and data[size - 7] == b"." and self._is_opaque(MOMENT, data, size):
            while data[size - 1] == b"0":
                size -= 1
            size -= data[size - 1] == b"."
        elif size > 11 and memcmp(data, b"base64:type", 11) == 0 and self._is_opaque(BINARY, data, size):
            return self._binary(data[:size])
        return self._write(data, size)

    cdef bint _is_opaque(self, object pattern, const char *data, Py_ssize_t size) except -1:
        return pattern.fullmatch(data[:size]) is not None and (self.strings is None or tuple(self.path) not in self.strings)

    cdef int _binary(self, bytes value) except -1:
        """Write what stands behind the type, without the line feeds."""
        self.out.write_byte(b'"')
        self.out.write_bytes(value[value.index(b":", 11) + 1 :].replace(b"\n", b""))
        return self.out.write_byte(b'"')

    cdef int _write(self, const char *data, Py_ssize_t size) except -1:
        if write_string(self.out, data, size) >= 0:
            raise self._malformed("a string that is not UTF-8")
        return 0

    cdef const char *_unescaped(self, Py_ssize_t *size) except NULL:
        """Pass over a string, and return its content, which holds until the next one."""
        cdef Py_ssize_t start = self.at + 1, end
        cdef const char *quote
        cdef const char *backslash
        if self._next() != b'"':
            raise self._malformed("no string where one belongs")
        quote = <const char *> memchr(self.text + start, b'"', self.size - start)
        if quote == NULL:
            raise self._malformed("a string that does not end")
        end = quote - self.text
        if memchr(self.text + start, b"\\", end - start) == NULL:
            self.at = end + 1
            size[0] = end - start
            return self.text + start
        self._unescape(start)
        size[0] = self.scratch.size
        return self.scratch.data

    cdef int _unescape(self, Py_ssize_t start) except -1:
        """Put a string's content into the scratch buffer."""
        cdef uint8_t byte
        self.scratch.clear()
        self.scratch.reserve(1)
        self.at = start
        while True:
            byte = self._next()
            if self.at == self.size:
                raise self._malformed("a string that does not end")
            self.at += 1
            if byte == b'"':
                return 0
            if byte == b"\\":
                byte = self._escaped()
            self.scratch.write_byte(<char> byte)

    cdef uint8_t _escaped(self) except? 0:
        """Return the byte that an escape stands for; the server writes `\\u` for control characters alone."""
        cdef uint8_t letter = self._next()
        cdef Py_ssize_t index = b'"\\/bfnrt'.find(letter)
        self.at += 1
        if index >= 0:
            return <uint8_t> b'"\\/\b\f\n\r\t'[index]
        control = CONTROL.match(self.text[self.at : min(self.at + 4, self.size)]) if letter == b"u" else None
        if control is None:
            raise self._malformed("an escape that is not known")
        self.at += 4
        return <uint8_t> int(control[1], 16)
