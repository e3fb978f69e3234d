from cdc.sources.columns.values import ValueDecoder

class MicrosIntervalDecoder(ValueDecoder):
    """Decodes an interval as microseconds, a month counting 365.25 / 12 days."""

class IsoIntervalDecoder(ValueDecoder):
    """Decodes an interval as `P1Y2M3DT4H5M6.78S`, all parts written; the infinities keep PostgreSQL's words."""
