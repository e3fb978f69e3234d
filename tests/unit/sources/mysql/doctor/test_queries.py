"""What SHOW GRANTS says, in the words of MySQL 9 and of MariaDB 10.11."""

from __future__ import annotations

import pytest

from cdc.sources.mysql.doctor.queries import grants_query, parse_grants

GLOBAL = "*.*"


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("GRANT USAGE ON *.* TO `a`@`%`", {GLOBAL: {"USAGE"}}),
        ("GRANT RELOAD, REPLICATION SLAVE ON *.* TO `a`@`%`", {GLOBAL: {"RELOAD", "REPLICATION SLAVE"}}),
        ("GRANT ALL PRIVILEGES ON *.* TO `root`@`localhost` WITH GRANT OPTION", {GLOBAL: {"ALL PRIVILEGES"}}),
        ("GRANT BINLOG MONITOR ON *.* TO `a`@`%` IDENTIFIED BY PASSWORD '*1'", {GLOBAL: {"REPLICATION CLIENT"}}),
        ("GRANT SELECT (`id`, `name`), INSERT ON `s`.`t` TO `a`@`%`", {"`s`.`t`": {"SELECT (`ID`, `NAME`)", "INSERT"}}),
        ("GRANT `role`@`%` TO `a`@`%`", {}),
    ],
)
def test_privileges_are_found_by_what_they_are_on(line, found):
    assert parse_grants([line]) == found


def test_lines_on_the_same_place_add_up():
    lines = ["GRANT SELECT ON *.* TO `a`@`%`", "GRANT FLUSH_TABLES ON *.* TO `a`@`%`"]
    assert parse_grants(lines) == {GLOBAL: {"SELECT", "FLUSH_TABLES"}}


def test_active_roles_are_asked_for_too():
    assert grants_query("NONE") == "SHOW GRANTS FOR CURRENT_USER()"
    assert grants_query("`r`@`%`,`s`@`%`") == "SHOW GRANTS FOR CURRENT_USER() USING `r`@`%`,`s`@`%`"
