"""The table of properties: any configuration gives values or problems, and a secret is in none of them."""

from hypothesis import example, given
from hypothesis import strategies as st

from cdc.config import ConnectorConfig, InvalidConfig, Secret
from cdc.config.postgres import POSTGRES
from cdc.config.providers import resolve
from tests.unit.config.minimal import MINIMAL

SECRET = "hunter2-sesame"
NAMES = st.sampled_from([name for p in POSTGRES.properties for name in (p.name, *p.also)]) | st.text()
VALUES = (
    st.sampled_from(["", " ", "true", "0", "-1", "5", "a(", "x,y", "initial", "999999999999", "SASL_SSL", "json"])
    | st.text()
)


@given(st.dictionaries(NAMES, VALUES, max_size=8))
def test_any_configuration_parses_or_lists_problems(raw):
    config, problems = POSTGRES.examine(MINIMAL | raw)
    if problems:
        assert all(p.fact and p.remedy for p in problems)
    else:
        assert ConnectorConfig.from_config(config).name


@given(st.sets(st.sampled_from([p.name for p in POSTGRES.properties]), max_size=6))
@example({"snapshot.select.statement.overrides"})  # lists whose items stand for names of properties
@example({"post.processors"})
@example({"converters"})
def test_a_provided_value_is_shown_nowhere(names):
    raw = MINIMAL | dict.fromkeys(names, "x${vault:a:b}")
    resolved = resolve(raw, {"vault": lambda path, key: SECRET + path + key})
    assert resolved.secret == names
    config, problems = POSTGRES.examine(resolved.values, resolved.secret)
    shown = [config.masked(), config.notice(), *(p.sentence() for p in problems)]
    if problems:
        shown.append(InvalidConfig(problems).sentence())
    assert SECRET not in str(shown)


@given(st.text(min_size=1))
def test_a_password_is_shown_nowhere(word):
    raw = MINIMAL | dict.fromkeys(
        ("database.password", "sasl.jaas.config", "sasl.password", "ssl.key.password"), SECRET + word
    )
    config, problems = POSTGRES.examine(raw)
    assert config.password("database.password") == Secret(SECRET + word)
    assert SECRET not in str([config.masked(), *(p.sentence() for p in problems)])


@given(st.dictionaries(st.text(min_size=1), st.text()), st.data())
def test_references_are_replaced_where_they_stand(secrets, data):
    keys = [key for key in secrets if not set(key) & set("}:")]
    parts = data.draw(
        st.lists(
            st.text(st.characters(exclude_characters="${}")) | st.sampled_from([f"${{v:{k}}}" for k in keys] or [""])
        )
    )
    resolved = resolve({"p": "".join(parts)}, {"v": lambda _, key: secrets[key]})
    expected = "".join(secrets[part[4:-1]] if part.startswith("${v:") else part for part in parts)
    assert resolved.values["p"] == expected
    assert (resolved.secret == {"p"}) == any(part.startswith("${v:") for part in parts)
