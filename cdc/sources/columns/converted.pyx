"""A decoder whose values go through a function of a plugin."""

from libc.stdint cimport int64_t, uint8_t

from cdc.model.batch cimport NULL_CELL, ChangeBatch
from cdc.sources.columns.hiding cimport ChangedDecoder
from cdc.sources.columns.values cimport ValueDecoder

from cdc.errors import ConversionError
from cdc.model.change import shaped
from cdc.sources.columns.shapes import flattened


cdef class ConvertedDecoder(ChangedDecoder):
    """Publishes what `convert` makes of the values of `inner`, whose schema is `own`; it must fit `published`. `name` is the plugin's."""

    cdef object own
    cdef object published
    cdef object convert
    cdef str name

    def __init__(self, ValueDecoder inner not None, own, published, convert, str name not None):
        super().__init__(inner)
        self.own = own
        self.published = published
        self.convert = convert
        self.name = name

    cdef int decode(self, const char *text, Py_ssize_t size, ChangeBatch batch, int64_t cell) except -1:
        self.inner.decode(text, size, batch, cell)
        return self._put(shaped(self.own, batch._value(&batch.cells[cell])), batch, cell)

    cdef int missing(self, uint8_t kind, ChangeBatch batch, int64_t cell) except -1:
        if kind == NULL_CELL:
            return self._put(None, batch, cell)
        return self.inner.missing(kind, batch, cell)

    cdef int _put(self, object value, ChangeBatch batch, int64_t cell) except -1:
        try:
            found = self.convert(value)
        except ConversionError:
            raise
        except Exception as error:
            raise ConversionError(f"the converter {self.name} failed: {type(error).__name__}: {error}",
                                  "Mend the converter, or take it out of converters.") from error
        batch._put(cell, flattened(self.published, found, self.name))
        return 0
