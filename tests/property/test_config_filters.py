"""Filters of names: an escaped name matches itself alone, and a list is the union of its patterns."""

from hypothesis import given
from hypothesis import strategies as st

from cdc.config import NameFilter
from cdc.config.filters import split_patterns
from cdc.config.regex import RegexError, compile_java

NAMES = st.text(st.characters(codec="utf-8"), min_size=1)
PATTERNS = st.text(st.sampled_from(list("abAB.*+?|()[]^$\\{},&-0123:<>=!QEpPdDhRkxu~# ")), max_size=14)


def folded(name: str) -> str:
    return "".join(c.lower() if c.isascii() else c for c in name)


def escaped(name: str) -> str:
    """Return the pattern that a person writes for one name: non-alphanumerics escaped, in a list."""
    return "".join(c if c.isalnum() and c.isascii() else f"\\x{{{ord(c):x}}}" for c in name)


@given(st.lists(NAMES, min_size=1, max_size=5), NAMES)
def test_a_list_of_escaped_names_is_a_set_of_names(names, other):
    text = ",".join(escaped(name) for name in names)
    included, excluded = NameFilter.parse(include=text), NameFilter.parse(exclude=text)
    for name in (*names, other, names[0] + other):
        assert included.matches(name) == (folded(name) in {folded(n) for n in names})
        assert excluded.matches(name) != included.matches(name)


@given(NAMES.filter(lambda name: "\\E" not in name and not name.endswith("\\")), NAMES)
def test_a_quotation_matches_itself_alone(name, other):
    compiled = compile_java(f"\\Q{name}\\E")
    assert compiled.fullmatch(name)
    assert bool(compiled.fullmatch(other)) == (folded(other) == folded(name))


@given(st.lists(st.sampled_from(["a", ".*", r"x\.y", r"a{1\,2}", r"\\", r"[\w\,]"])))
def test_splitting_undoes_joining(patterns):
    assert split_patterns(" , ".join(patterns)) == tuple(p.replace("\\,", ",") for p in patterns)


@given(PATTERNS)
def test_any_pattern_compiles_or_is_refused_at_a_position_in_it(pattern):
    try:
        compile_java(pattern)
        position = 0
    except RegexError as error:
        position = error.position
    assert 0 <= position <= len(pattern)
