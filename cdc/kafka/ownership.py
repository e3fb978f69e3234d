"""How a process takes its transactional id again after an error, without shutting out a later instance.

Starting a producer fences whoever holds its transactional id. A process that starts again after an error would so fence the instance
that has taken over from it meanwhile. So it says which producer id and epoch it had: first it asks for the end of its own
transaction, then for the epoch that follows its own (InitProducerId version 3, KIP-360). The broker refuses both when
another instance has started since. The order matters: with a transaction open, the second alone would be refused to its owner too.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from aiokafka import errors
from aiokafka.producer.sender import BaseHandler, InitPIDHandler
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.transaction import EndTxnRequest
from aiokafka.protocol.types import CompactString, Int16, Int32, Int64, Schema, TaggedFields

PAUSE: Final = 0.05
# INVALID_PRODUCER_EPOCH and PRODUCER_FENCED.
_FENCED: Final = frozenset({47, 90})
# UNKNOWN_SERVER_ERROR, which a broker answers while another instance is just being let in; COORDINATOR_LOAD_IN_PROGRESS,
# COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS.
_UNDECIDED: Final = frozenset({-1, 14, 15, 16, 51})


@dataclass(frozen=True, slots=True)
class Claim:
    """The producer id and epoch that the broker gave to a producer of this process.

    Before `until`, in seconds of the publisher's clock, only another instance can have made the broker raise the epoch; behind it
    the broker may have done so itself, to end a transaction that was left open.
    """

    producer_id: int
    epoch: int
    until: float


class AbortHandler(BaseHandler):
    """Ends what is open under a claim; `do` returns False when it is to be tried again, and raises ProducerFenced."""

    def __init__(self, sender: Any, claim: Claim) -> None:
        super().__init__(sender)
        self._claim = claim

    def create_request(self) -> EndTxnRequest:
        """Return the request of an abort."""
        transactional_id = self._sender._txn_manager.transactional_id
        return EndTxnRequest(transactional_id, self._claim.producer_id, self._claim.epoch, transaction_result=False)

    def handle_response(self, response: Any) -> float | None:
        """Return the pause before the next try; None when the claim holds, also when there was nothing to end."""
        if response.error_code in _FENCED:
            raise errors.ProducerFenced
        return PAUSE if response.error_code in _UNDECIDED else None


class ClaimHandler(InitPIDHandler):
    """Asks for the epoch that follows a claim's; `do` returns False when it is to be tried again."""

    def __init__(self, sender: Any, claim: Claim) -> None:
        super().__init__(sender)
        self._claim = claim

    def create_request(self) -> _InitProducerIdRequest:
        """Return the request, which names the claim."""
        transactions = self._sender._txn_manager
        return _InitProducerIdRequest(
            transactions.transactional_id,
            transactions.transaction_timeout_ms,
            self._claim.producer_id,
            self._claim.epoch,
        )


class _InitProducerIdResponse_v3(Response):  # noqa: N801 (as aiokafka names them)
    API_KEY = 22
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


class _InitProducerIdRequest_v3(RequestStruct):  # noqa: N801
    API_KEY = 22
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _InitProducerIdResponse_v3
    SCHEMA = Schema(
        ("transactional_id", CompactString("utf-8")),
        ("transaction_timeout_ms", Int32),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("tags", TaggedFields),
    )


class _InitProducerIdRequest(Request[_InitProducerIdRequest_v3]):
    """The version of 2020, with the epoch that the producer had; aiokafka has version 0 alone."""

    API_KEY = 22

    def __init__(self, *values: str | int) -> None:
        self._values = values

    def build(self, request_struct_class: type[_InitProducerIdRequest_v3]) -> _InitProducerIdRequest_v3:
        return request_struct_class(*self._values, {})
