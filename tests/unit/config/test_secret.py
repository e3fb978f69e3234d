import pickle

import pytest

from cdc.config import Secret


def test_no_way_of_printing_shows_the_text():
    secret = Secret("hunter2")
    shown = [
        str(secret),
        repr(secret),
        f"{secret}",
        f"{secret!r:>20}",
        str([secret]),
        str({"p": secret}),
    ]
    assert not [text for text in shown if "hunter2" in text]
    assert secret.reveal() == "hunter2"


def test_a_secret_cannot_be_changed_or_pickled():
    with pytest.raises(AttributeError):
        Secret("a")._text = "b"
    with pytest.raises(TypeError):
        pickle.dumps(Secret("a"))


def test_equality_is_by_text_and_an_empty_one_is_false():
    assert Secret("a") == Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1
    assert Secret("a")
    assert not Secret()
