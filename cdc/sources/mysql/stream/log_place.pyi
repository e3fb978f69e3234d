"""Where a decoder stands in the log."""

class LogPlace:
    """Where the events stand that are taken, from `file` and `position` on.

    `file` and `position` are where the last event ends; `resume_file` and `resume_position`, where the last whole transaction ends; `begin_file` and
    `begin_position`, where the transaction at hand begins. `created` and `resume_created` are when `file` and `resume_file` were made, in seconds,
    by which a file is told from a later one of its name; 0 until the log has told. `catch_up` is (file, position), if the dump begins before the stored position.
    """

    file: str
    position: int
    resume_file: str
    resume_position: int
    begin_file: str
    begin_position: int
    created: int
    resume_created: int
    def __init__(self, file: str, position: int, catch_up: tuple[str, int] | None = None) -> None: ...
    @property
    def catching_up(self) -> bool:
        """Whether the dump has not come to the stored position yet."""
