import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.providers import resolve


@pytest.fixture
def mounted(tmp_path):
    (tmp_path / "password").write_text("hunter2\n")
    (tmp_path / "db.properties").write_text("user=cdc\npassword=a\\u0062c\nlast\\:key=x\n")
    return tmp_path


def test_values_come_from_environment_file_and_directory(monkeypatch, mounted):
    monkeypatch.setenv("CDC_USER", "cdc")
    raw = {
        "env": "x-${env:CDC_USER}-${env:CDC_USER}",
        "file": f"${{file:{mounted}/db.properties:password}}",
        "colon": f"${{file:{mounted}/db.properties:last:key}}",
        "dir": f"${{dir:{mounted}:password}}",
        "directory": f"${{directory:{mounted}:password}}",
        "plain": "oba.${routedByValue}.$1",
    }
    resolved = resolve(raw)
    assert resolved.values == {
        "env": "x-cdc-cdc",
        "file": "abc",
        "colon": "x",
        "dir": "hunter2",
        "directory": "hunter2",
        "plain": "oba.${routedByValue}.$1",
    }
    assert resolved.secret == frozenset(raw) - {"plain"}


def test_what_a_provider_brings_is_not_searched_again(monkeypatch):
    monkeypatch.setenv("A", "${env:B}")
    assert resolve({"p": "${env:A}"}).values["p"] == "${env:B}"


def test_every_reference_that_cannot_be_resolved_is_named(monkeypatch, mounted):
    monkeypatch.delenv("CDC_ABSENT", raising=False)
    (mounted / "latin").write_bytes(b"hunter2\xff")
    references = {
        "${vault:secret/db:password}": "there is no provider 'vault'",
        "${:x}": "there is no provider ''",
        "${env:CDC_ABSENT}": "the environment variable CDC_ABSENT is not set",
        "${env:}": "the provider env takes one name, not nothing",
        "${env:A:B}": "the provider env takes one name, not A:B",
        "${file:password}": "the provider file needs a path and a key",
        f"${{file:{mounted}/absent:x}}": "absent does not exist",
        f"${{file:{mounted}/db.properties:passwort}}": "db.properties has no key 'passwort'",
        f"${{dir:{mounted}:}}": "the provider dir needs a path and a file name",
        f"${{dir:{mounted}:../x}}": "../x is not the name of a file",
        f"${{dir:{mounted}:..}}": ".. is not the name of a file",
        f"${{dir:{mounted}:latin}}": "latin is not UTF-8",
    }
    with pytest.raises(InvalidConfig) as caught:
        resolve({f"p{n}": text for n, text in enumerate(references)})
    found = caught.value.problems
    assert [p.name for p in found] == [f"p{n}" for n in range(len(references))]
    for problem, fact in zip(found, references.values(), strict=True):
        assert fact in problem.fact
        assert problem.remedy
    assert "hunter2" not in " ".join(p.sentence() for p in found)
    assert "Did you mean password?" in found[7].remedy


def test_an_environment_variable_that_is_not_text_is_refused(monkeypatch):
    monkeypatch.setenv("CDC_BYTES", "a\udcff")
    with pytest.raises(InvalidConfig, match="CDC_BYTES is not UTF-8"):
        resolve({"p": "${env:CDC_BYTES}"})


def test_many_unfinished_references_take_no_time():
    text = "${" + ":" * 20_000 + "${" * 5_000
    assert resolve({"p": text}).values["p"] == text
