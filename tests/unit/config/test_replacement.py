"""Replacements mean what Java's `Matcher.replaceFirst` makes of them, for texts that match as a whole."""

from __future__ import annotations

import pytest

from cdc.config.regex import RegexError
from cdc.config.replacement import Replacement


@pytest.mark.parametrize(
    ("pattern", "replacement", "text", "expected"),
    [
        ("(.*)(dbz_4180)(.*)", "$1$2_all_shards", "shop.public.dbz_4180_3", "shop.public.dbz_4180_all_shards"),
        ("(.*)_[0-9]+", "$1", "shop.orders_12", "shop.orders"),
        ("(?<db>[a-z]+)\\.(?<table>[a-z]+)", "${table}-${db}", "shop.item", "item-shop"),
        ("(a)b", "$10", "ab", "a0"),
        ("(a)(b)(c)(d)(e)(f)(g)(h)(i)(j)", "$10$1", "abcdefghij", "ja"),
        ("(a)|(b)", "<$2>", "a", "<>"),
        ("a", r"\$1\\", "a", "$1\\"),
        ("a|ab", "x", "ab", "xb"),
    ],
)
def test_what_takes_the_place_of_a_text(pattern, replacement, text, expected):
    assert Replacement.parse(pattern, replacement).apply(text) == expected


@pytest.mark.parametrize(("pattern", "text"), [("b", "abc"), ("shop.*", "SHOP.item"), ("a", "")])
def test_a_text_that_is_not_matched_as_a_whole_and_in_its_case_stays(pattern, text):
    assert Replacement.parse(pattern, "x").apply(text) is None


@pytest.mark.parametrize(
    ("pattern", "replacement", "reason"),
    [
        ("(a)", "$2", "there is no group 2 at position 0"),
        ("(a)", "x${b}", "no group is named b at position 1"),
        ("a", "x$", r"a dollar sign that begins no reference to a group (write \$ for the character) at position 1"),
        ("a", "$x", r"a dollar sign that begins no reference to a group (write \$ for the character) at position 0"),
        ("a", "x\\", "a backslash with nothing after it at position 1"),
    ],
)
def test_a_replacement_that_java_refuses_is_refused(pattern, replacement, reason):
    with pytest.raises(RegexError) as caught:
        Replacement.parse(pattern, replacement)
    assert str(caught.value) == reason
