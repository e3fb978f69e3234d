"""The replica identities that a configuration gives to tables."""

import pytest

from cdc.config.identities import ReplicaIdentities, ReplicaIdentity, identity_fault


def test_each_word_and_an_index():
    found = ReplicaIdentities.parse("public.a:FULL, public.b:INDEX b_code , public.c:default,.*:Nothing")
    assert found.choose("public.a") == ReplicaIdentity("f")
    assert found.choose("public.b") == ReplicaIdentity("i", "b_code")
    assert found.choose("public.c") == ReplicaIdentity("d")
    assert found.choose("other.a") == ReplicaIdentity("n")


def test_a_table_that_no_pattern_matches_keeps_its_own():
    assert ReplicaIdentities.parse("public.a:FULL").choose("public.aa") is None
    assert ReplicaIdentities.parse("").choose("public.a") is None


@pytest.mark.parametrize("text", ["public.a", "public.a:HALF", "public.a:INDEX", "public.a:FULL public.b:FULL"])
def test_what_is_no_identity(text):
    assert "is not table:DEFAULT" in identity_fault(text)
    with pytest.raises(ValueError, match="is not table:DEFAULT"):
        ReplicaIdentities.parse(text)


def test_a_pattern_must_be_usable():
    assert "cannot be used" in identity_fault("public.(:FULL")
