from cdc.sources.marks import TransactionMarks

class TransactionNumbers:
    """Numbers the rows of one transaction after the other; `marks` makes the marks: without it, or if it makes none, nothing is done.

    `counts` are the changes of the transaction at hand by collection.
    """

    wanted: bool
    counts: dict[str, int]
    def __init__(self, marks: TransactionMarks | None = None) -> None: ...
