"""How large the long runs are: as large as they are meant to be, or a part of it while a run is being written."""

from __future__ import annotations

import os

VARIABLE = "CDC_RELIABILITY_SCALE"


def scaled(size: int) -> int:
    """Return the share of a size that the environment asks for, by `CDC_RELIABILITY_SCALE` (default: 1, all of it)."""
    return max(1, round(size * float(os.environ.get(VARIABLE, "1"))))
