"""The bound of how many tables are captured: a filter that lets too many through is noticed at the start."""

from __future__ import annotations

import logging

from cdc.config.filters import Guardrail
from cdc.errors import SourceRefused

log = logging.getLogger(__name__)


def check_count(guardrail: Guardrail, tables: int, what: str) -> None:
    """Compare the number of tables with the bound; `what` says which they are.

    Raises:
        SourceRefused: there are more, and they are to be refused; otherwise a line in the log says so.
    """
    if not 0 < guardrail.most < tables:
        return
    refused = SourceRefused(
        f"{tables} tables {what}, and guardrail.collections.max is {guardrail.most}",
        "Capture fewer by the filters, or raise the bound.",
    )
    if guardrail.refuses:
        raise refused
    log.warning("%s", refused.sentence())
