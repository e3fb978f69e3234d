"""The properties of a worker: Kafka Connect's `connect-standalone.properties` and `connect-distributed.properties`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from cdc.config import kafka
from cdc.config.definition import Definition, Prefix, Rule
from cdc.config.property import Importance, Property, Type, in_group, without_effect
from cdc.config.validators import between
from cdc.config.worker_clients import CLIENTS, CONNECTION, SECURITY, client_properties
from cdc.config.worker_cluster import CLUSTER, CLUSTER_OFFSETS, OFFSETS, alone, fits_together
from cdc.config.worker_rest import REST, TLS, advertised, guarded

LOW: Final = Importance.LOW

JSON_CONVERTER: Final = "org.apache.kafka.connect.json.JsonConverter"
HEADER_CONVERTER: Final = "org.apache.kafka.connect.storage.SimpleHeaderConverter"

_OFFSETS_IN_KAFKA: Final = "offsets are stored in Kafka, in the transaction of the records that they cover"
_JAVA: Final = "it names Java classes"
_JMX: Final = "figures are not reported by JMX"
_MILLISECONDS: Final = between(1, unit="milliseconds")

PLUGINS: Final = in_group(
    "Plugins",
    Property(
        "plugin.path",
        Type.LIST,
        "",
        "Folders and wheels with plugins, by absolute paths. What is installed beside cdc-stream is found too.",
    ),
    Property(
        "key.converter",
        Type.CLASS,
        JSON_CONVERTER,
        "What writes and reads record keys, unless a connector says otherwise.",
    ),
    Property(
        "value.converter",
        Type.CLASS,
        JSON_CONVERTER,
        "What writes and reads record values, unless a connector says otherwise.",
    ),
    Property(
        "header.converter",
        Type.CLASS,
        HEADER_CONVERTER,
        "What writes and reads record headers, unless a connector says otherwise.",
        LOW,
    ),
    Property(
        "config.providers",
        Type.LIST,
        "",
        "Names of the providers that connectors may fetch values from by ${name:path:key}; each is set up by config.providers.<name>.class.",
        LOW,
    ),
    Property(
        "connector.client.config.override.policy",
        Type.STRING,
        "All",
        "Which properties of the Kafka client connectors may change: all that are harmless, none, or those of the login (Principal).",
        LOW,
        choices=("All", "None", "Principal"),
        planned=("allowlist",),
        former={
            f"org.apache.kafka.connect.connector.policy.{word}connectorclientconfigoverridepolicy": word
            for word in ("all", "none", "principal", "allowlist")
        }
        | {f"{word}connectorclientconfigoverridepolicy": word for word in ("all", "none", "principal", "allowlist")},
    ),
    without_effect(
        "plugin.discovery",
        Type.STRING,
        "hybrid_warn",
        "How Java finds plugins.",
        "there is one way: entry points and plugin.path",
    ),
    without_effect(
        "plugin.version",
        Type.STRING,
        None,
        "Version of plugins.",
        "there is one version of every plugin: the installed one",
    ),
    without_effect(
        "internal.key.converter", Type.CLASS, JSON_CONVERTER, "Format of what the worker stores.", "it is JSON"
    ),
    without_effect(
        "internal.value.converter", Type.CLASS, JSON_CONVERTER, "Format of what the worker stores.", "it is JSON"
    ),
)

TASKS: Final = in_group(
    "Tasks",
    without_effect(
        "exactly.once.source.support",
        Type.STRING,
        "disabled",
        "Whether sources deliver exactly once.",
        "they always do: records and offsets are in one transaction",
    ),
    Property(
        "offset.flush.interval.ms",
        Type.LONG,
        "60000",
        "Time between commits of a sink's offsets, in milliseconds. Those of a source are in the transactions of its records.",
        LOW,
        validator=_MILLISECONDS,
    ),
    without_effect(
        "offset.flush.timeout.ms", Type.LONG, "5000", "Longest wait for offsets to be stored.", _OFFSETS_IN_KAFKA
    ),
    without_effect(
        "offset.storage.file.filename", Type.STRING, "", "File of a standalone worker's offsets.", _OFFSETS_IN_KAFKA
    ),
    Property(
        "task.shutdown.graceful.timeout.ms",
        Type.LONG,
        "5000",
        "Longest wait for the tasks to end before they are broken off, in milliseconds.",
        LOW,
        validator=_MILLISECONDS,
    ),
    Property(
        "topic.tracking.enable", Type.BOOLEAN, "true", "Whether the topics that connectors use are kept in mind.", LOW
    ),
    Property("topic.tracking.allow.reset", Type.BOOLEAN, "true", "Whether they may be forgotten on request.", LOW),
    Property("topic.creation.enable", Type.BOOLEAN, "true", "Whether sources create missing topics.", LOW),
)

METRICS: Final = in_group(
    "Metrics",
    without_effect("metric.reporters", Type.LIST, "", "Java classes that report figures.", f"{_JAVA}; {_JMX}"),
    without_effect("auto.include.jmx.reporter", Type.BOOLEAN, "true", "Whether figures are reported by JMX.", _JMX),
    without_effect("metrics.num.samples", Type.INT, "2", "Samples that a figure is made from.", _JMX),
    without_effect("metrics.recording.level", Type.STRING, "INFO", "How many figures there are.", _JMX),
    without_effect("metrics.sample.window.ms", Type.LONG, "30000", "Time that a sample covers, in milliseconds.", _JMX),
)


def _worker(rows: Iterable[Property], rules: Iterable[Rule] = ()) -> Definition:
    """Return the definition of a worker that reads `rows` beside those of all workers."""
    return Definition(
        (
            *in_group("Kafka", *(each for name, each in CONNECTION.items() if name not in SECURITY)),
            *rows,
            *PLUGINS,
            *TASKS,
            *REST,
            *TLS,
            *METRICS,
            *SECURITY.values(),
        ),
        prefixes=(
            *(Prefix(f"{client}.", f"Properties of the {client} of every connector.") for client in CLIENTS),
            *(
                Prefix(f"{side}.converter.", f"Properties of the {side} converter.")
                for side in ("key", "value", "header")
            ),
            Prefix(
                "config.providers.",
                "Properties of the providers: config.providers.<name>.class is FileConfigProvider, DirectoryConfigProvider (both with"
                " .param.allowed.paths) or EnvVarConfigProvider (with .param.allowlist.pattern), also by the full names of Kafka; or a plugin's class.",
            ),
        ),
        rules=(*kafka.RULES, client_properties, guarded, *rules),
    )


STANDALONE: Final = _worker((*map(alone, CLUSTER), *OFFSETS))
"""All properties of a worker that stands alone; it takes those of a cluster without effect."""

DISTRIBUTED: Final = _worker((*CLUSTER, *CLUSTER_OFFSETS), (fits_together, advertised))
"""All properties of a worker that is one of a cluster."""
