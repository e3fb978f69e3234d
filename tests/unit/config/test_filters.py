import pytest

from cdc.config import NameFilter, TableFilter
from cdc.config.filters import pattern_fault, split_patterns
from cdc.config.regex import RegexError, compile_java
from cdc.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", ()),
        (" , ,", ()),
        ("a, b ,c", ("a", "b", "c")),
        (r"a{1\,3},b", ("a{1,3}", "b")),
        (r"a\\,b", (r"a\\", "b")),
        (r"a\.b,c", (r"a\.b", "c")),
        ("a\\", ("a\\",)),
    ],
)
def test_a_list_is_split_at_commas_that_are_not_escaped(text, patterns):
    assert split_patterns(text) == patterns


def test_the_whole_name_must_match_without_regard_to_case():
    tables = NameFilter.parse(include=r"public\.orders, SHOP\..*")
    assert [
        n for n in ("public.orders", "PUBLIC.Orders", "shop.a", "public.orders2", "xpublic.orders") if tables.matches(n)
    ] == [
        "public.orders",
        "PUBLIC.Orders",
        "shop.a",
    ]


def test_an_alternative_is_anchored_too():
    assert not NameFilter.parse(include="a|b").matches("ab")


def test_exclude_lets_the_others_through():
    tables = NameFilter.parse(exclude=r"public\.tmp_.*")
    assert tables.matches("public.a")
    assert not tables.matches("public.tmp_1")
    assert NameFilter().matches("anything")


def test_both_lists_are_too_many():
    with pytest.raises(ConfigError, match=r"table\.include\.list and table\.exclude\.list are both set"):
        NameFilter.parse("a", "b")
    assert NameFilter.parse("a", "  ").matches("a")


def test_a_pattern_that_does_not_compile_is_named_with_its_position():
    with pytest.raises(ConfigError) as caught:
        NameFilter.parse(include="a,b[,c", what="schema")
    assert str(caught.value) == (
        "schema.include.list holds the pattern 'b[', which cannot be used: a character class that is not closed at position 1"
    )
    assert pattern_fault("a,b") == ""


def test_a_table_passes_by_schema_and_by_name_and_never_the_servers_own():
    captured = TableFilter(NameFilter.parse(exclude="private"), NameFilter.parse(exclude=".*_log"))
    assert captured.matches("public", "a")
    assert not captured.matches("private", "a")
    assert not captured.matches("public", "a_log")
    assert not TableFilter().matches("pg_catalog", "pg_class")
    assert not TableFilter().matches("information_schema", "tables")


@pytest.mark.parametrize(
    ("java", "yes", "no"),
    [
        (r"\Qa.b\E.*", ["a.bc", "A.B"], ["axb"]),
        (r"\Qa|b&&~", ["a|b&&~"], ["a"]),
        (r"[\Q[]\E]", ["[", "]"], ["Q", "\\"]),
        (r"\p{Alpha}+\P{Digit}", ["abX", "ab_"], ["1a", "ab1"]),
        (r"[\p{Digit}_]+", ["1_2"], ["a"]),
        (r"(?<n>a)\k<n>", ["aa"], ["ab"]),
        (r"(?i)abc|xyz", ["ABC", "XYZ"], ["ABCXYZ"]),
        (r"(?-i)a(?:(?i)b|c|\()", ["ab", "aC", "a("], ["A", "Ab"]),
        (r"(?-i:A)b", ["Ab", "AB"], ["ab"]),
        (r"a++b?+(?>c)", ["aac"], ["b"]),
        (r"\x{61}\x62\u0063\0144", ["abcd"], ["x"]),
        (r"a\z", ["a"], ["az"]),
        (r"\h\v", [" \n", "\t\x0b"], ["a\n"]),
        (r"\H\V\R", ["ab\r\n"], [" bc"]),
        (r"[]a]+", ["]a"], ["b"]),
        (r"[^]a]", ["b"], ["]", "a"]),
        (r"[a&b~|]", ["&", "~", "|"], ["c"]),
        ("[+--]", ["+", ",", "-"], ["."]),
        ("[--a]", ["-", "A", "5", "b"], ["{", ","]),
        (r"[\w-.]", ["-", ".", "a"], ["/"]),
        (r"[a-]", ["a", "-"], ["b"]),
        (r"[\t-\r]", ["\n"], ["-"]),
        (r"a\-b\_\/", ["a-b_/"], ["ab"]),
        (r"\w+", ["a_1"], ["é"]),
        (r"é", ["é"], ["É"]),
        ("k", ["K"], ["\u212a"]),
        (r"\e", ["\x1b"], ["e"]),
    ],
)
def test_java_patterns_mean_the_same_here(java, yes, no):
    compiled = compile_java(java)
    assert [name for name in yes if not compiled.fullmatch(name)] == []
    assert [name for name in no if compiled.fullmatch(name)] == []


@pytest.mark.parametrize(
    ("java", "position"),
    [
        ("ab[a-z&&[^b]]", 6),
        ("[a[b]]", 2),
        (r"a\p{IsGreek}", 1),
        (r"[\P{Alpha}]", 1),
        ("a\\", 1),
        (r"ab\y", 2),
        (r"\G", 0),
        (r"[\b]", 1),
        ("a(?i)b", 1),
        ("(a|(?i)b)", 3),
        ("(?u)a", 0),
        ("(?P<n>a)", 0),
        ("a(?#c)", 1),
        ("a)b", 1),
        ("a(b", 1),
        ("[ab", 0),
        ("a**", 2),
        (r"\Qxy\E\Q..\E*+*", 14),
        (r"\x{110000}", 0),
        ("a{99999999999}", 0),
    ],
)
def test_what_python_cannot_express_is_refused_with_its_position(java, position):
    with pytest.raises(RegexError) as caught:
        compile_java(java)
    assert caught.value.position == position
