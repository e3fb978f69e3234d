"""Settings of a worker from properties, and what is wrong with them."""

import pytest

from cdc.config.definition import InvalidConfig
from cdc.config.worker import WorkerSettings


def settings(**properties):
    """The settings of properties whose dots are written as underscores."""
    return WorkerSettings.from_raw({k.replace("_", "."): v for k, v in properties.items()})


def problems(raw):
    """What is wrong with properties, by the name that it is shown at."""
    with pytest.raises(InvalidConfig) as caught:
        WorkerSettings.from_raw(raw)
    assert all(problem.remedy for problem in caught.value.problems)
    return {problem.name: problem.sentence() for problem in caught.value.problems}
