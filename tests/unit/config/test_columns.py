"""The rules on columns: which are published, changed, told of and made the key."""

import pytest

from cdc.config import ConnectorConfig, InvalidConfig, Secret
from cdc.config.columns import Hash, KeyColumns, Mask, Truncation, key_fault
from tests.unit.config.minimal import MINIMAL


def rules(given):
    return ConnectorConfig.from_raw(MINIMAL | given).source.columns


def test_without_properties_every_column_is_published_as_it_is():
    found = rules({})
    assert found.published.matches("public.a.b")
    assert found.change("public.a.b") is None
    assert not found.propagates("public.a.b", "public.a.int4")
    assert found.keys.choose("public.a", ["b"]) == []


def test_columns_are_included_or_excluded_by_their_whole_name():
    included = rules({"column.include.list": r"public\.a\.(b|c), public\.A\.d"}).published
    assert [name for name in "bcde" if included.matches(f"public.a.{name}")] == ["b", "c", "d"]
    excluded = rules({"column.exclude.list": r".*\.secret"}).published
    assert [excluded.matches(name) for name in ("public.a.secret", "public.a.secrets")] == [False, True]


def test_each_kind_of_change_is_read_with_what_stands_in_its_name():
    found = rules(
        {
            "column.truncate.to.20.chars": "public.a.cut",
            "column.mask.with.0.chars": "public.a.gone",
            "column.mask.hash.SHA-256.with.salt.a.b": "public.a.old",
            "column.mask.hash.v2.SHA-512.with.salt.s": "public.a.new, public.b.new",
        }
    )
    assert found.change("public.a.cut") == Truncation(20)
    assert found.change("public.a.gone") == Mask(0)
    assert found.change("public.a.old") == Hash("sha256", Secret("a.b"), serialized=True)
    assert found.change("public.b.new") == Hash("sha512", Secret("s"), serialized=False)
    assert found.change("public.a.other") is None


def test_what_hides_most_wins_whatever_the_order_of_the_properties():
    everything = {
        "column.truncate.to.3.chars": ".*",
        "column.mask.hash.v2.MD5.with.salt.s": ".*",
        "column.mask.with.5.chars": ".*",
    }
    for given in (everything, dict(reversed(everything.items()))):
        assert rules(given).change("public.a.b") == Mask(5)


def test_the_salt_is_in_no_text():
    found = rules({"column.mask.hash.v2.SHA-256.with.salt.CzQMA0cB5K": "public.a.b"})
    assert "CzQMA0cB5K" not in repr(found)
    with pytest.raises(InvalidConfig) as caught:
        rules({"column.mask.hash.v2.SHA-1000.with.salt.CzQMA0cB5K": "public.a.b"})
    assert "'SHA-1000' is not known" in str(caught.value)
    assert "CzQMA0cB5K" not in str(caught.value)


def test_a_length_has_31_bits():
    with pytest.raises(InvalidConfig, match="the length is out of range"):
        rules({"column.mask.with.2147483648.chars": "public.a.b"})


@pytest.mark.parametrize(
    "algorithm", ["MD5", "SHA", "SHA-1", "SHA-224", "SHA-256", "sha-512", "SHA-512/256", "SHA3-256"]
)
def test_the_algorithms_have_javas_names(algorithm):
    change = rules({f"column.mask.hash.v2.{algorithm}.with.salt.s": ".*"}).change("a")
    assert isinstance(change, Hash)


def test_types_are_propagated_by_column_or_by_type():
    found = rules({"column.propagate.source.type": r"public\.a\.b", "datatype.propagate.source.type": r".+\.varchar"})
    assert found.propagates("public.a.b", "public.a.int4")
    assert found.propagates("public.a.c", "public.a.varchar")
    assert not found.propagates("public.a.c", "public.a.int4")


def test_the_key_has_the_order_of_the_property():
    keys = KeyColumns.parse("(.*)1.a:pk,aa; public.n(.*):z,(x|y)")
    assert keys.choose("s1.a", ["aa", "pk", "b"]) == ["pk", "aa"]
    assert keys.choose("public.n7", ["x", "y", "z"]) == ["z", "x", "y"]
    assert keys.choose("s2.a", ["aa", "pk"]) == []


@pytest.mark.parametrize("text", ["a", "a:", ":b", "a:b,", "a:b:c", "a:b;c"])
def test_what_is_no_list_of_key_columns(text):
    assert "is not table:column,column" in key_fault(text)
    with pytest.raises(ValueError, match="is not table:column"):
        KeyColumns.parse(text)
