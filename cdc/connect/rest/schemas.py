"""The JSON schemas of bodies and answers, by the names that routes use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

Schema: TypeAlias = dict[str, Any]

_TEXT: Final[Schema] = {"type": "string"}
_NUMBER: Final[Schema] = {"type": "integer"}
_ANYTHING: Final[Schema] = {"type": "object", "additionalProperties": True}
_NULLABLE_TEXT: Final[Schema] = {"type": ["string", "null"]}


def reference(name: str) -> Schema:
    """Return what stands for a schema elsewhere in the document."""
    return {"$ref": f"#/components/schemas/{name}"}


def _object(required: tuple[str, ...] | None = None, /, **fields: Schema) -> Schema:
    return {"type": "object", "properties": fields, "required": list(fields if required is None else required)}


def _array(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def _map(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


_STATE: Final[Mapping[str, Schema]] = {
    "state": {"type": "string", "enum": ["UNASSIGNED", "RUNNING", "PAUSED", "FAILED", "RESTARTING", "STOPPED"]},
    "worker_id": _TEXT,
    "version": _TEXT,
    "trace": {**_TEXT, "description": "Why it failed; absent if it did not"},
}
_TYPE: Final[Schema] = {"type": "string", "enum": ["source", "sink", "unknown"]}

SCHEMAS: Final[Mapping[str, Schema]] = {
    "ErrorMessage": _object(error_code=_NUMBER, message=_TEXT),
    "Message": _object(message=_TEXT),
    "ServerInfo": _object(version=_TEXT, commit=_TEXT, kafka_cluster_id=_TEXT),
    "WorkerStatus": _object(status={"type": "string", "enum": ["healthy", "starting", "unhealthy"]}, message=_TEXT),
    "Names": _array(_TEXT),
    "Properties": _map({"type": ["string", "number", "boolean"]}),
    "PropertiesPatch": _map({"type": ["string", "number", "boolean", "null"]}),
    "CreateConnectorRequest": _object(
        ("name", "config"),
        name=_TEXT,
        config=reference("Properties"),
        initial_state={"type": "string", "enum": ["RUNNING", "PAUSED", "STOPPED"]},
    ),
    "ConnectorTaskId": _object(connector=_TEXT, task=_NUMBER),
    "ConnectorInfo": _object(name=_TEXT, config=_map(_TEXT), tasks=_array(reference("ConnectorTaskId")), type=_TYPE),
    "ConnectorState": _object(("state", "worker_id", "version"), **_STATE),
    "TaskStatus": _object(("id", "state", "worker_id", "version"), id=_NUMBER, **_STATE),
    "Status": _object(
        name=_TEXT, connector=reference("ConnectorState"), tasks=_array(reference("TaskStatus")), type=_TYPE
    ),
    "ConnectorExpansion": _object((), status=reference("Status"), info=reference("ConnectorInfo")),
    "Connectors": {"oneOf": [reference("Names"), _map(reference("ConnectorExpansion"))]},
    "TaskInfos": _array(_object(id=reference("ConnectorTaskId"), config=_map(_TEXT))),
    "Topics": _map(_object(topics=reference("Names"))),
    "Offsets": _object(
        offsets=_array(
            _object(
                ("partition",), partition=_ANYTHING, offset={"type": ["object", "null"], "additionalProperties": True}
            )
        )
    ),
    "Plugins": _array(_object(**{"class": _TEXT, "type": _TEXT, "version": _TEXT})),
    "ConfigKeyInfo": _object(
        name=_TEXT,
        type=_TEXT,
        required={"type": "boolean"},
        default_value=_NULLABLE_TEXT,
        importance=_TEXT,
        documentation=_TEXT,
        group=_NULLABLE_TEXT,
        order_in_group=_NUMBER,
        width=_TEXT,
        display_name=_TEXT,
        dependents=reference("Names"),
    ),
    "ConfigKeyInfos": _array(reference("ConfigKeyInfo")),
    "ConfigValueInfo": _object(
        name=_TEXT,
        value=_NULLABLE_TEXT,
        recommended_values=_array(_NULLABLE_TEXT),
        errors=reference("Names"),
        visible={"type": "boolean"},
    ),
    "ConfigInfos": _object(
        name=_TEXT,
        error_count=_NUMBER,
        groups=reference("Names"),
        configs=_array(
            _object(
                definition={"oneOf": [reference("ConfigKeyInfo"), {"type": "null"}]}, value=reference("ConfigValueInfo")
            )
        ),
    ),
    "LoggerLevel": _object(level=_TEXT, last_modified={"type": ["integer", "null"]}),
    "LoggerLevels": _map(reference("LoggerLevel")),
    "NewLevel": _object(level=_TEXT),
    "OpenApi": _ANYTHING,
    "Metrics": _TEXT,
}
"""Every schema that a route names, in JSON Schema 2020-12, as OpenAPI 3.1 uses it."""
PLAIN: Final = frozenset({"Metrics"})
"""Those that are no JSON, but text."""
