"""The OpenAPI description of the tracking APIs, for those who write against them; tests hold the addresses to it."""

from __future__ import annotations

import json
from typing import Any

from customers.ingest import amplitude, idempotency, segment

_TEXT = {"type": "string"}
_OBJECT = {"type": "object"}
_TIME = {"type": "string", "format": "date-time", "description": "ISO 8601, with a zone."}
_ID = {"type": ["string", "integer"], "maxLength": segment.ID_LENGTH}
_INDEXES = {"type": "array", "items": {"type": "integer", "minimum": 0}}
_BY_FIELD = {"type": "object", "additionalProperties": _INDEXES}

_RECORD = {
    "type": "object",
    "description": "userId or anonymousId must be there.",
    "properties": {
        "userId": {"type": ["string", "integer", "null"], "maxLength": segment.ID_LENGTH},
        "anonymousId": {"type": ["string", "integer", "null"], "maxLength": segment.ID_LENGTH},
        "messageId": {
            "type": ["string", "null"],
            "maxLength": segment.ID_LENGTH,
            "description": "What came is known by.",
        },
        "timestamp": {**_TIME, "type": ["string", "null"]},
        "sentAt": {**_TIME, "type": ["string", "null"]},
        "context": {"type": ["object", "null"]},
        "integrations": {"type": ["object", "null"]},
        "properties": {"type": ["object", "null"]},
        "traits": {"type": ["object", "null"]},
        "event": _TEXT,
        "name": {"type": ["string", "null"]},
        "category": {"type": ["string", "null"]},
        "groupId": _ID,
        "previousId": _ID,
        "writeKey": _TEXT,
    },
}
_SCHEMAS: dict[str, Any] = {
    "Call": _RECORD,
    "Batch": {
        "type": "object",
        "required": ["batch"],
        "properties": {
            "batch": {
                "type": "array",
                "maxItems": segment.BATCH_RECORDS,
                "items": {
                    "allOf": [{"$ref": "#/components/schemas/Call"}],
                    "required": ["type"],
                    "properties": {"type": {"enum": list(segment.CALLS)}},
                },
            },
            "sentAt": {**_TIME, "type": ["string", "null"]},
            "context": _OBJECT,
            "integrations": _OBJECT,
            "writeKey": _TEXT,
        },
    },
    "Success": {
        "type": "object",
        "required": ["success"],
        "additionalProperties": False,
        "properties": {
            "success": {"const": True},
            "rejected": {
                "type": "array",
                "description": "Calls of the batch that are not taken in; all others are.",
                "items": {
                    "type": "object",
                    "required": ["index", "code", "message"],
                    "additionalProperties": False,
                    "properties": {"index": {"type": "integer", "minimum": 0}, "code": _TEXT, "message": _TEXT},
                },
            },
        },
    },
    "Refusal": {
        "type": "object",
        "required": ["code", "message"],
        "additionalProperties": False,
        "properties": {"code": _TEXT, "message": _TEXT},
    },
    "AmplitudeRequest": {
        "type": "object",
        "required": ["api_key", "events"],
        "properties": {
            "api_key": _TEXT,
            "events": {"type": "array", "maxItems": amplitude.EVENTS, "items": {"$ref": "#/components/schemas/Event"}},
            "options": {"type": "object", "properties": {"min_id_length": {"type": "integer", "minimum": 1}}},
        },
    },
    "Event": {
        "type": "object",
        "required": ["event_type"],
        "description": "user_id or device_id must be there.",
        "properties": {
            "event_type": {"type": "string", "minLength": 1, "maxLength": amplitude.ID_LENGTH},
            "user_id": {"type": ["string", "null"], "maxLength": amplitude.ID_LENGTH},
            "device_id": {"type": ["string", "null"], "maxLength": amplitude.ID_LENGTH},
            "time": {"type": ["number", "null"], "description": "Milliseconds since 1970."},
            "insert_id": {"type": ["string", "null"], "maxLength": amplitude.ID_LENGTH},
            "session_id": {"type": ["integer", "null"]},
            "event_properties": {"type": ["object", "null"]},
            "user_properties": {"type": ["object", "null"]},
        },
    },
    "Ingested": {
        "type": "object",
        "required": ["code", "events_ingested", "payload_size_bytes", "server_upload_time"],
        "additionalProperties": False,
        "properties": {
            "code": {"const": 200},
            "events_ingested": {"type": "integer"},
            "payload_size_bytes": {"type": "integer"},
            "server_upload_time": {"type": "integer"},
        },
    },
    "AmplitudeRefusal": {
        "type": "object",
        "required": ["code", "error"],
        "additionalProperties": False,
        "properties": {
            "code": {"type": "integer"},
            "error": _TEXT,
            "missing_field": _TEXT,
            "events_with_invalid_fields": _BY_FIELD,
            "events_with_missing_fields": _BY_FIELD,
            "eps_threshold": {"type": "integer"},
            "throttled_devices": _OBJECT,
            "throttled_users": _OBJECT,
            "throttled_events": _INDEXES,
        },
    },
}
_REASONS = {
    "400": "It cannot be read, or is not valid.",
    "401": "The write key is not known.",
    "405": "Another method than POST.",
    "409": "A request with this Idempotency-Key is being answered: wait as Retry-After says.",
    "413": "It is too large: send less at once.",
    "422": "This Idempotency-Key was used for another request within the last day.",
    "429": "Too much arrives under this key: wait as Retry-After says.",
    "500": "A mistake of ours: send it again, with another Idempotency-Key if it has one.",
    "503": "It could not be kept: wait as Retry-After says.",
}


_ONCE = {
    "name": idempotency.HEADER,
    "in": "header",
    "description": "Names the request: sent again within a day, it is answered as before, and nothing else is done.",
    "schema": {"type": "string", "minLength": 1, "maxLength": idempotency.LONGEST},
}


def _answers(success: str, refusal: str, statuses: tuple[str, ...]) -> dict[str, Any]:
    def said(schema: str, words: str) -> dict[str, Any]:
        content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
        return {"description": words, "content": content}

    return {"200": said(success, "It is kept."), **{status: said(refusal, _REASONS[status]) for status in statuses}}


def _post(name: str, summary: str, schema: str, answers: dict[str, Any], *, is_basic: bool) -> dict[str, Any]:
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}}
    return {
        "post": {
            "operationId": name,
            "summary": summary,
            "security": [{"writeKey": []}, {}] if is_basic else [],
            "parameters": [_ONCE],
            "requestBody": {"required": True, "content": content},
            "responses": answers,
        }
    }


def _paths() -> dict[str, Any]:
    of_segment = _answers("Success", "Refusal", ("400", "401", "405", "409", "422", "429", "500", "503"))
    of_amplitude = _answers("Ingested", "AmplitudeRefusal", ("400", "405", "409", "413", "422", "429", "500", "503"))
    paths = {}
    for call in (*segment.CALLS, "batch"):
        schema, summary = ("Batch", "Calls of all kinds") if call == "batch" else ("Call", f"The call {call}")
        paths[f"/segment/v1/{call}"] = _post(call, summary, schema, of_segment, is_basic=True)
        paths[f"/v1/{call}"] = _post(f"{call}Short", summary, schema, of_segment, is_basic=True)
    for call, name in ((amplitude.HTTPAPI, "httpapi"), (amplitude.BATCH, "eventBatch")):
        paths[f"/{call}"] = _post(name, "Events", "AmplitudeRequest", of_amplitude, is_basic=False)
    return paths


def document(host: str) -> dict[str, Any]:
    """The description, for the portal at `host`."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Coterie tracking",
            "version": "1",
            "description": "What Segment's and Amplitude's own libraries speak. Keys: Settings ▸ Data sources.",
        },
        "servers": [{"url": host}],
        "paths": _paths(),
        "components": {
            "schemas": _SCHEMAS,
            "securitySchemes": {
                "writeKey": {"type": "http", "scheme": "basic", "description": "The write key as user, no password."}
            },
        },
    }


def as_json(host: str) -> str:
    return json.dumps(document(host))
