"""The chain of transforms that a connector's records go through."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from cdc.connect.post_processing import PostProcessing
from cdc.connect.tolerance import Stage, Tolerance
from cdc.model.connect_record import SinkRecord, SourceRecord
from cdc.transforms.base import Predicate, Transformation

R = TypeVar("R", SourceRecord, SinkRecord)


@dataclass(frozen=True, slots=True)
class Step:
    """A transform, which applies where the predicate is true; with `negate`, where it is false; without one, everywhere."""

    transform: Transformation
    predicate: Predicate | None = None
    negate: bool = False

    @property
    def plugin(self) -> type:
        """The class that does the work, to be named where it fails."""
        return type(self.transform.processor if isinstance(self.transform, PostProcessing) else self.transform)

    def apply(self, record: R) -> R | None:
        """Return the record as it leaves the step; None when it is left out."""
        if self.predicate is not None and bool(self.predicate.test(record)) == self.negate:
            return record
        return self.transform.apply(record)


class TransformationChain:
    """Transforms in their order; (transform, predicate or None, negate) each. A record that one leaves out goes no further."""

    def __init__(self, steps: Sequence[tuple[Transformation, Predicate | None, bool]] = ()) -> None:
        self._steps = tuple(Step(*step) for step in steps)

    def apply(self, record: R) -> R | None:
        """Return the record as it leaves the chain, or None; raises what a transform raises."""
        found: R | None = record
        for step in self._steps:
            if found is None:
                return None
            found = step.apply(found)
        return found

    async def apply_tolerantly(self, record: R, tolerance: Tolerance) -> R | None:
        """Return the same, each step with the attempts that the tolerance allows it; raises StageFailed, which names the transform."""
        found: R | None = record
        for step in self._steps:
            if found is None:
                return None
            found = await tolerance.attempt(Stage.TRANSFORMATION, step.plugin, partial(step.apply, found))
        return found

    def apply_where_it_can(self, record: R) -> R | None:
        """Return the record as it leaves the chain, passing over steps that cannot take it: it has not the form that they are made for."""
        found: R | None = record
        for step in self._steps:
            if found is None:
                return None
            with suppress(Exception):
                found = step.apply(found)
        return found

    def close(self) -> None:
        """Release all transforms and predicates; the first error is raised when all are."""
        errors = []
        for part in (part for step in self._steps for part in (step.transform, step.predicate) if part is not None):
            try:
                part.close()
            except Exception as error:  # noqa: BLE001 (the others are to be released all the same)
                errors.append(error)
        if errors:
            raise errors[0]
