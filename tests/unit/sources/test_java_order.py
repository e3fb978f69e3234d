"""The order of Java's maps, as a real Debezium wrote it."""

from typing import cast

from cdc.model.batch import ChangeBatch
from cdc.sources.java_order import in_java_order
from cdc.sources.marks import TransactionMarks

TABLES = [f"golden.t{number}" for number in range(11, -1, -1)]
AMONG_MANY = [f"golden.t{number}" for number in (10, 11, 1, 2, 0, 5, 6, 3, 4, 9, 7, 8)]
OTHERS = ["golden.customers", "golden.orders", "golden.products", "golden.ünï"]


def test_texts_stand_in_the_order_of_a_hash_map():
    assert in_java_order(OTHERS) == ["golden.orders", "golden.products", "golden.customers", "golden.ünï"]
    assert in_java_order(TABLES, 32) == AMONG_MANY
    assert in_java_order(TABLES) != AMONG_MANY


def collections(marks: TransactionMarks, *names: str) -> list[str]:
    batch = ChangeBatch()
    marks.end(batch, "1", 0, dict.fromkeys(names, 1))
    (aside,) = batch.asides
    value = cast("dict[str, list[dict[str, str]]]", aside.record.value)
    return [each["data_collection"] for each in value["data_collections"]]


def test_a_map_that_has_grown_stays_large_for_the_transactions_that_follow():
    marks = TransactionMarks("t", {}, marks=True)
    assert collections(marks, *TABLES) == in_java_order(TABLES)
    assert len(collections(marks, *TABLES, "golden.t12")) == 13
    assert collections(marks, *TABLES) == AMONG_MANY
