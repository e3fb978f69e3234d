from collections.abc import Sequence

from cdc.model.batch import ChangeBatch
from cdc.sources.columns.row import RowPlan

class Gaps:
    """What may be lacking in the rows of a table that a plan decodes, and how it is filled.

    `columns` are places on the wire; they are lacking when the log says that they did not change (`unavailable`) or that they are null
    (`nulls`). `key` holds indices of cells with the server's text of the columns by which a row is found.
    """

    plan: RowPlan
    columns: tuple[int, ...]
    key: tuple[int, ...]
    def __init__(
        self, plan: RowPlan, columns: tuple[int, ...], key: tuple[int, ...], unavailable: bool, nulls: bool
    ) -> None: ...
    def wanted(self, batch: ChangeBatch, row: int) -> tuple[list[str | None], list[bool]]:
        """Return the key of a row, as the server's texts, and for each of `columns` whether it is lacking.

        A part of the key that the log does not carry is None.
        """

    def fill(self, batch: ChangeBatch, row: int, values: list[bytes | None]) -> None:
        """Put the server's texts of `columns` where they are lacking; None is null, and stays away where there may be none.

        Raises as the plan does for values that cannot be carried.
        """

def find_gaps(
    batch: ChangeBatch, gaps: Sequence[Gaps | None], transaction: int = -1
) -> tuple[dict[int, list[int]], set[int]]:
    """Return the inserted and updated rows that lack values, by the index of their table, and the transactions that wrote them.

    `gaps` has those of each of the batch's tables, or None. `transaction` is the place of the transaction's number among the source cells
    (-1: none is told).
    """
