"""How the tables of MySQL are published."""

from cdc.config.columns import ColumnRules
from cdc.config.filters import NameList
from cdc.config.mysql_settings import MySqlSettings
from cdc.sources.mysql.ddl.definitions import Definitions
from cdc.sources.mysql.ddl.statements import DdlSession, apply_ddl
from cdc.sources.mysql.schema.table_schema import TablePlans

DDL = "create table t (a integer, b int(11), c bool, d dec(5,2) unsigned, e nchar(3), f int)"


def test_a_source_type_is_that_of_the_statement():
    """As in Debezium, which has the server's words after a snapshot alone."""
    rules = ColumnRules(propagated=NameList.parse(r"shop\.t\..*"))
    settings = MySqlSettings(hostname="h", user="u", server_id=1, topic_prefix="p", columns=rules)
    definition = apply_ddl(Definitions(), DDL, DdlSession(database="shop")).definitions.get("shop", "t")
    assert definition is not None
    table = TablePlans(settings).selected(definition).table
    assert table is not None
    told = {
        column.name: [
            column.schema.parameters.get(f"__debezium.source.column.{word}") for word in ("type", "length", "scale")
        ]
        for column in table.columns
    }
    assert told == {
        "a": ["INTEGER", None, None],
        "b": ["INT", "11", None],
        "c": ["BOOL", None, None],
        "d": ["DEC UNSIGNED", "5", "2"],
        "e": ["NCHAR", "3", None],
        "f": ["INT", None, None],
    }
