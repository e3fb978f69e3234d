"""Metrics as tables: each row has its name, its meaning, and how it is read; the scrape and the reference page are made of them."""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

T = TypeVar("T")

Read = Callable[[T], "float | str | Mapping[str, float] | None"]


class Kind(enum.StrEnum):
    """How a metric behaves; Prometheus' words."""

    GAUGE = "gauge"
    COUNTER = "counter"


@dataclass(frozen=True, slots=True)
class Figure(Generic[T]):
    """One metric of things of one kind.

    `read` returns its value, or None where there is none yet; then it is not given. A metric with a `label` is 1, and what `read` returns
    stands in the label, as Prometheus has it for states and versions; or `read` returns a value for each of several labels. Names of
    counters end in _total.
    """

    name: str
    doc: str
    read: Read[T]
    kind: Kind = Kind.GAUGE
    label: str = ""


def counter(name: str, doc: str, read: Read[T]) -> Figure[T]:
    """Return a figure that only grows, and begins at 0 with each start."""
    return Figure(name, doc, read, Kind.COUNTER)


@dataclass(frozen=True, slots=True)
class Group(Generic[T]):
    """Metrics of the same things, which `labels` tell apart; `title` and `about` are for the reference page."""

    title: str
    about: str
    labels: tuple[str, ...]
    figures: Sequence[Figure[T]]

    def families(self, things: Sequence[tuple[Mapping[str, str], T]]) -> Iterator[Metric]:
        """Yield the metrics of some things, each with its labels."""
        for figure in self.figures:
            family = _family(figure, self.labels)
            for labels, thing in things:
                _add(family, figure, [labels[name] for name in self.labels], figure.read(thing))
            if family.samples:
                yield family

    def page(self) -> str:
        """Return the part of the reference page."""
        rows = "".join(f"| `{_shown(each, self.labels)}` | {each.kind} | {each.doc} |\n" for each in self.figures)
        return f"## {self.title}\n\n{self.about}\n\n| Name | Type | Meaning |\n| --- | --- | --- |\n{rows}"


def _family(figure: Figure[T], labels: Iterable[str]) -> CounterMetricFamily | GaugeMetricFamily:
    names = [*labels, *([figure.label] if figure.label else [])]
    kind = CounterMetricFamily if figure.kind is Kind.COUNTER else GaugeMetricFamily
    return kind(figure.name, figure.doc, labels=names)


def _add(
    family: CounterMetricFamily | GaugeMetricFamily,
    figure: Figure[T],
    labels: list[str],
    value: float | str | Mapping[str, float] | None,
) -> None:
    if value is None:
        return
    if isinstance(value, Mapping):
        for label, each in value.items():
            family.add_metric([*labels, label], float(each))
    elif figure.label:
        family.add_metric([*labels, str(value)], 1)
    else:
        family.add_metric(labels, float(value))


def _shown(figure: Figure[T], labels: Iterable[str]) -> str:
    names = [*labels, *([figure.label] if figure.label else [])]
    return f"{figure.name}{{{', '.join(names)}}}" if names else figure.name
