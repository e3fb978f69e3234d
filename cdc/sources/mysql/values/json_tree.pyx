"""JSON documents of MySQL as Python objects that can be changed."""

from cdc.converters.json_text cimport write_string
from cdc.model.buffer cimport Buffer
from cdc.sources.mysql.values.json cimport (
    LARGE_ARRAY, MAX_DEPTH, LARGE_OBJECT, Container, Document, Value, element, key, opened, root, write_scalar)

from cdc.errors import DecodeError

Node = dict | list | bytes


def read_tree(bytes data not None):
    """Return a document of the binary form. Raises DecodeError."""
    cdef Document document
    cdef Value value
    if not data:
        return b"null"
    value = root(&document, data, len(data))
    return read_node(&document, &value)


cdef object read_node(Document *document, const Value *value):
    cdef Container container
    cdef Py_ssize_t index
    cdef Buffer text
    if value.kind > LARGE_ARRAY:
        text = Buffer()
        write_scalar(document, value, text)
        return bytes(text)
    container = opened(document, value)
    if value.kind > LARGE_OBJECT:
        return [read_element(document, &container, index) for index in range(container.count)]
    return {read_key(document, &container, index): read_element(document, &container, index)
            for index in range(container.count)}


cdef object read_element(Document *document, const Container *container, Py_ssize_t index):
    cdef Value value = element(document, container, index)
    return read_node(document, &value)


cdef str read_key(Document *document, const Container *container, Py_ssize_t index):
    cdef Py_ssize_t size = 0
    cdef const char *data = key(document, container, index, &size)
    try:
        return data[:size].decode("utf-8")
    except UnicodeDecodeError as error:
        raise DecodeError("MySQL sent a JSON document with a key that is not UTF-8", document.data[: document.size],
                          data - document.data + error.start) from error


def write_tree(node):
    """Return the compact text, with the members of each object in the order in which the server stores them.

    Raises DecodeError for more levels than a document can have.
    """
    cdef Buffer out = Buffer()
    write_node(node, out)
    return bytes(out)


cdef int write_node(object node, Buffer out, int depth=0) except -1:
    cdef bytes name
    cdef bint behind = False
    if isinstance(node, bytes):
        return out.write_bytes(node)
    if depth >= MAX_DEPTH:
        raise DecodeError(f"MySQL sent changes that make a JSON document of more than {MAX_DEPTH} levels")
    out.write_byte(b"{" if isinstance(node, dict) else b"[")
    for each in members(node) if isinstance(node, dict) else node:
        if behind:
            out.write_byte(b",")
        behind = True
        if isinstance(node, dict):
            name, each = each
            write_string(out, name, len(name))
            out.write_byte(b":")
        write_node(each, out, depth + 1)
    return out.write_byte(b"}" if isinstance(node, dict) else b"]")


cdef list members(dict node):
    """Return encoded keys and values: short keys first, and those of one length by their bytes."""
    return sorted([(name.encode("utf-8"), value) for name, value in node.items()], key=lambda each: (len(each[0]), each[0]))
