import pytest

from cdc.config import Secret
from cdc.config.property import Property, Type, in_group, nearest, planned


def read(kind, text, **row):
    return Property("p", kind, None, "", **row).read(text)


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (Type.BOOLEAN, " TRUE ", True),
        (Type.BOOLEAN, "false", False),
        (Type.INT, " -2147483648 ", -(1 << 31)),
        (Type.INT, "+7", 7),
        (Type.LONG, "9223372036854775807", (1 << 63) - 1),
        (Type.DOUBLE, "1.5e3", 1500.0),
        (Type.DOUBLE, ".5", 0.5),
        (Type.STRING, " a b ", "a b"),
        (Type.CLASS, " x.Y ", "x.Y"),
        (Type.LIST, " a , b,,c ", ("a", "b", "c")),
        (Type.LIST, "", ()),
        (Type.PASSWORD, " s p ", Secret(" s p ")),
    ],
)
def test_text_becomes_a_value_of_the_type(kind, text, value):
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "fault"),
    [
        (Type.BOOLEAN, "yes", "is not a boolean"),
        (Type.INT, "1_000", "is not a whole number"),
        (Type.INT, "٣", "is not a whole number"),
        (Type.INT, "", "is not a whole number"),
        (Type.INT, "9" * 5000, "is not a whole number"),
        (Type.INT, "2147483648", "does not fit into 32 bits"),
        (Type.LONG, "9223372036854775808", "does not fit into 64 bits"),
        (Type.DOUBLE, "nan", "is not a number"),
        (Type.DOUBLE, "1e999", "is out of range"),
    ],
)
def test_text_of_another_form_is_refused(kind, text, fault):
    with pytest.raises(ValueError, match=fault):
        read(kind, text)


def test_choices_are_read_in_any_case_and_by_their_former_names():
    row = {"choices": ("initial", "no_data"), "planned": ("always",), "former": {"never": "no_data"}}
    assert read(Type.STRING, " Initial ", **row) == "initial"
    assert read(Type.STRING, "NEVER", **row) == "no_data"
    with pytest.raises(ValueError, match="is not supported yet"):
        read(Type.STRING, "Always", **row)
    with pytest.raises(ValueError, match="is not one of its values"):
        read(Type.STRING, "", **row)


def test_each_item_of_a_list_is_one_of_the_choices():
    assert read(Type.LIST, "b, A", choices=("a", "b")) == ("b", "a")
    for text, fault in (("a,x", "is not one of its values"), (" , ", "is empty")):
        with pytest.raises(ValueError, match=fault):
            read(Type.LIST, text, choices=("a", "b"))


def test_a_password_is_not_shown_and_a_long_value_is_cut():
    assert Property("p", Type.PASSWORD, None, "").show("hunter2") == "********"
    assert len(Property("p", Type.STRING, None, "").show("x" * 5000)) < 130


def test_a_template_stands_for_names_of_its_form():
    template = planned("column.mask.with.<N>.chars", Type.STRING, "", "").template
    assert template is not None
    assert template.fullmatch("column.mask.with.10.chars")
    assert not template.fullmatch("column.mask.with.x.chars")
    assert not template.fullmatch("column-mask.with.1.chars")
    assert planned("a.b", Type.STRING, "", "").template is None


def test_grouping_leaves_the_rows_as_they_are():
    row = Property("p", Type.STRING, "x", "doc")
    assert [p.group for p in in_group("G", row)] == ["G"]
    assert row.group == ""


def test_the_nearest_name_is_found_only_when_it_is_near():
    assert nearest("inital", ("initial", "no_data")) == "initial"
    assert nearest("zzz", ("initial", "no_data")) == ""
