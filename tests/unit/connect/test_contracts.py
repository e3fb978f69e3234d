import typing

import pytest

import cdc.connect

CONTRACTS = [
    "ConfigProvider",
    "Converter",
    "HeaderConverter",
    "Predicate",
    "SinkConnector",
    "SinkTask",
    "SourceConnector",
    "SourceTask",
    "Transformation",
]


def test_every_contract_of_a_plugin_can_be_imported_from_one_place():
    assert set(CONTRACTS) <= set(cdc.connect.__all__)
    assert [name for name in cdc.connect.__all__ if not hasattr(cdc.connect, name)] == []


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_contract_is_a_protocol_that_says_what_it_promises(name):
    contract = getattr(cdc.connect, name)
    assert typing.is_protocol(contract) if hasattr(typing, "is_protocol") else contract._is_protocol
    assert contract.__doc__
    methods = [value for key, value in vars(contract).items() if callable(value) and not key.startswith("_")]
    assert [method.__name__ for method in methods if not method.__doc__] == []
