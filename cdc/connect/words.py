"""What herders answer a person in Kafka Connect's own words, which tools may look for."""

from __future__ import annotations

from cdc.connect.herder import RequestError


def altered(*, sure: bool) -> str:
    """Return what to say of offsets that were stored; `sure` is whether the connector has checked them."""
    return _offsets("altered", sure=sure)


def reset(*, sure: bool) -> str:
    """Return what to say of offsets that were removed."""
    return _offsets("reset", sure=sure)


def must_be_stopped(connector: str) -> RequestError:
    """Return why the offsets of a connector that is not stopped cannot be changed."""
    return RequestError(
        "Connectors must be in the STOPPED state before their offsets can be modified. This can be done for the specified "
        f"connector by issuing a 'PUT' request to the '/connectors/{connector}/stop' endpoint"
    )


def _offsets(done: str, *, sure: bool) -> str:
    if sure:
        return f"The offsets for this connector have been {done} successfully"
    return (
        f"The Connect framework-managed offsets for this connector have been {done} successfully. "
        f"However, if this connector manages offsets externally, they will need to be manually {done} "
        "in the system that the connector uses."
    )
