"""What leaves for webhook receivers, in the document of the API: the catalogue of events."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from pydantic.json_schema import models_json_schema

from alerts.events import EVENTS, Kind

_REF = "#/components/schemas/{model}"
_HEADERS = {
    "webhook-id": "The event's id: the same for every repeat.",
    "webhook-timestamp": "When it was sent, seconds since 1970 UTC.",
    "webhook-signature": "`v1,` and base64 of an HMAC-SHA256, one for each key with blanks between.",
}


def document_events(app: FastAPI) -> None:
    """Adds `webhooks` and the schemas of their data to what `app.openapi()` answers."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        described = plain()
        if "webhooks" not in described:
            schemas = described["components"]["schemas"]
            schemas |= data_schemas(_REF)
            described["webhooks"] = {name: {"post": _operation(name, kind)} for name, kind in EVENTS.items()}
        return described

    app.openapi = openapi  # type: ignore[method-assign]


def data_schemas(template: str) -> dict[str, Any]:
    """The JSON schema of each event's data by name, referring to one another as `template` says."""
    models = {kind.data: None for kind in EVENTS.values()}
    _, found = models_json_schema([(one, "serialization") for one in models], ref_template=template)
    return dict(found["$defs"])


def _operation(name: str, kind: Kind) -> dict[str, Any]:
    return {
        "operationId": name.removeprefix("foremend.").replace(".", "_"),
        "summary": kind.when[0].upper() + kind.when[1:],
        "parameters": [
            {"name": one, "in": "header", "required": True, "description": said, "schema": {"type": "string"}}
            for one, said in _HEADERS.items()
        ],
        "requestBody": {
            "required": True,
            "content": {"application/cloudevents+json": {"schema": _envelope(name, kind)}},
        },
        "responses": {
            "2XX": {"description": "It is taken."},
            "410": {"description": "Nothing more is sent until somebody enables the endpoint."},
            "default": {"description": "It is sent again, with the same webhook-id, for three days."},
        },
    }


def _envelope(name: str, kind: Kind) -> dict[str, Any]:
    """CloudEvents 1.0 in JSON."""
    text = {"type": "string"}
    return {
        "type": "object",
        "required": ["specversion", "id", "source", "type", "subject", "time", "datacontenttype", "data"],
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text,
            "source": text,
            "type": {"const": name},
            "subject": {"type": "string", "description": f"Names {kind.subject}."},
            "time": {"type": "string", "format": "date-time"},
            "datacontenttype": {"const": "application/json"},
            "data": {"$ref": _REF.format(model=kind.data.__name__)},
        },
    }
