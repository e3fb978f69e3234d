import itertools

import pytest

from cdc.kafka.transaction import OutOfTurnError, State, moved

ALLOWED = {
    (State.CREATED, State.STARTING),
    (State.STARTING, State.READY),
    (State.READY, State.OPEN),
    (State.OPEN, State.COMMITTING),
    (State.OPEN, State.ABORTING),
    (State.COMMITTING, State.READY),
    (State.ABORTING, State.READY),
    *((state, State.BROKEN) for state in State if state not in {State.CREATED, State.CLOSED}),
    *((state, State.CLOSED) for state in State),
}


@pytest.mark.parametrize(("state", "to"), list(itertools.product(State, State)))
def test_every_move(state, to):
    if (state, to) in ALLOWED:
        assert moved(state, to) is to
    else:
        with pytest.raises(OutOfTurnError, match=state.value):
            moved(state, to)


def test_nothing_leads_out_of_broken_but_closing():
    assert {to for state, to in ALLOWED if state is State.BROKEN} == {State.BROKEN, State.CLOSED}
    assert {to for state, to in ALLOWED if state is State.CLOSED} == {State.CLOSED}
