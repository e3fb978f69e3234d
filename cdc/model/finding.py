"""What an examination of a server or a broker finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: `error`: the connector would not start, or would stop, or lose changes. `warning`: it may come to that, or others suffer. `note`: to know.
Level = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is found.

    `area` groups what belongs together; `subject` is the object or setting. `fact` is a sentence without its full stop, with the value; `remedy`
    says what to do, with the exact SQL or setting, and is "" where nothing needs to be done.
    """

    level: Level
    area: str
    subject: str
    fact: str
    remedy: str = ""
