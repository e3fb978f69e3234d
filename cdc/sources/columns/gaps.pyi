from collections.abc import Sequence

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan

class Gaps:
    """What may be lacking in the rows of a table that a plan decodes, and how it is filled.

    `columns` are places on the wire; they are lacking when the log says that they did not change, or does not carry them
    (`unavailable`), or that they are null (`nulls`). `key` holds indices of cells with the server's text or bytes of the columns by which a
    row is found. `filler` decodes what is filled in, where that has another form than in the log.
    """

    plan: RowPlan
    filler: RowPlan
    columns: tuple[int, ...]
    key: tuple[int, ...]
    def __init__(
        self,
        plan: RowPlan,
        columns: tuple[int, ...],
        key: tuple[int, ...],
        unavailable: bool,
        nulls: bool,
        filler: RowPlan | None = None,
    ) -> None: ...
    def wanted(self, batch: ChangeBatch, row: int) -> tuple[list[str | bytes | None], list[bool]]:
        """Return the key of a row, as the server's texts or bytes, and for each of `columns` whether it is lacking.

        A part of the key that the log does not carry is None.
        """

    def fill(self, batch: ChangeBatch, row: int, values: list[bytes | None]) -> None:
        """Put the server's texts of `columns` where they are lacking; None is null, and stays away where there may be none.

        Raises as the plan does for values that cannot be carried.
        """

def find_gaps(
    batch: ChangeBatch, gaps: Sequence[Gaps | None], places: tuple[int, ...] = ()
) -> tuple[dict[int, list[int]], set[tuple[object, ...]]]:
    """Return the inserted and updated rows that lack values, by the index of their table, and what tells of the transactions that wrote them.

    `gaps` has those of each of the batch's tables, or None. `places` are those among the source cells of what tells of a transaction.
    """
