"""The states of a transactional producer, as a pure table."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """What a transactional producer is doing.

    BROKEN is final but for closing: a result is unknown or something was refused, so nothing can be said of the transaction, and a new
    producer has to begin from the stored offset.
    """

    CREATED = "created"
    STARTING = "starting"
    READY = "ready"
    OPEN = "in a transaction"
    COMMITTING = "committing"
    ABORTING = "aborting"
    BROKEN = "broken"
    CLOSED = "closed"


_MOVES: Final[Mapping[State, frozenset[State]]] = MappingProxyType(
    {
        State.CREATED: frozenset({State.STARTING, State.CLOSED}),
        State.STARTING: frozenset({State.READY, State.BROKEN, State.CLOSED}),
        State.READY: frozenset({State.OPEN, State.BROKEN, State.CLOSED}),
        State.OPEN: frozenset({State.COMMITTING, State.ABORTING, State.BROKEN, State.CLOSED}),
        State.COMMITTING: frozenset({State.READY, State.BROKEN, State.CLOSED}),
        State.ABORTING: frozenset({State.READY, State.BROKEN, State.CLOSED}),
        State.BROKEN: frozenset({State.BROKEN, State.CLOSED}),
        State.CLOSED: frozenset({State.CLOSED}),
    }
)


class OutOfTurnError(RuntimeError):
    """A call that the present state does not allow: a mistake in the program, not in its surroundings."""


def moved(state: State, to: State) -> State:
    """Return the state `to` if it may follow `state`.

    Raises:
        OutOfTurnError: it may not.
    """
    if to not in _MOVES[state]:
        raise OutOfTurnError(f"the producer is {state.value}; it cannot be {to.value} now")
    return to
