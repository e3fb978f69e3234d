from cdc.model.table import Table
from cdc.sources.columns.values import ValueDecoder

class RowPlan:
    """How the columns of one row on the wire become the cells of a captured table.

    `decoders` and `targets` have an entry for each column on the wire: its decoder, and its index among the table's columns (-1 for a column
    that is not captured). `table` is None for a table that is not captured at all. `on_error` is the policy for values that
    their schema can't carry: `warn` makes them null and notes them, `skip` makes them null, `fail` raises ConversionError, `keep` leaves
    the server's text in the cell, which converters refuse, and notes them with their row. `names` are those of the columns on the
    wire in the database. A null in a column that `table` has as required gives the plan another `table`, in which it is optional. With
    `renewable`, whoever decodes with this plan gets another one when an enum has a label that is new: UnknownLabel is raised then.
    Otherwise such a label is taken as it is.
    """

    table: Table | None
    decoders: list[ValueDecoder | None]
    targets: tuple[int, ...]
    on_error: str
    renewable: bool
    names: tuple[str, ...]
    def __init__(
        self,
        table: Table | None,
        decoders: list[ValueDecoder | None],
        targets: tuple[int, ...],
        on_error: str = "warn",
        names: tuple[str, ...] = (),
        renewable: bool = False,
    ) -> None: ...
