"""What the examination of a database for one connector comes to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from cdc.model.finding import Finding


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found. `rights` are SQL statements that give the least rights; `topics` says of each table's topic whether its records have keys."""

    findings: Sequence[Finding]
    rights: Sequence[str] = ()
    topics: Mapping[str, bool] = field(default_factory=dict)
