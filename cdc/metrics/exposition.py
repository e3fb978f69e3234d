"""Metrics in the format that a scraper asks for."""

from __future__ import annotations

from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector


def exposition(metrics: Collector, accept: str) -> tuple[bytes, str]:
    """Return the metrics and their content type: OpenMetrics where an `Accept` header asks for it, else Prometheus' text."""
    encode, content_type = choose_encoder(accept)
    return encode(metrics), content_type
