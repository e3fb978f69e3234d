"""SQL statements in one text, as `database.initial.statements` has them."""

from __future__ import annotations

import re


def split_statements(text: str) -> tuple[str, ...]:
    """Return the statements between semicolons, trimmed; `;;` stands for a semicolon inside one."""
    statements = [""]
    for part in re.split("(;;|;)", text):
        if part == ";":
            statements.append("")
        else:
            statements[-1] += ";" if part == ";;" else part
    return tuple(statement.strip() for statement in statements if statement.strip())
