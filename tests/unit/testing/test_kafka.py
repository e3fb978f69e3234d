"""What the kit tells Kafka's own tools."""

from __future__ import annotations

from base64 import urlsafe_b64decode

from cdc.testing.servers.kafka import cluster_id


def test_cluster_ids_are_sixteen_bytes_and_never_look_like_an_option():
    ids = {cluster_id() for _ in range(1000)}
    assert len(ids) == 1000
    assert {len(urlsafe_b64decode(f"{each}==")) for each in ids} == {16}
    assert not [each for each in ids if each.startswith("-")]
