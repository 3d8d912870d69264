"""docs/openapi.json is what the service answers to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from foremend.service.app import create_app

DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_document_is_the_applications_own(world: Any) -> None:
    """After a change: `curl http://127.0.0.1:8080/openapi.json > docs/openapi.json` from a running Foremend."""
    described = create_app(world.model).openapi()

    assert json.loads(DOCUMENT.read_text("utf-8"))["paths"] == described["paths"]
    assert json.loads(DOCUMENT.read_text("utf-8"))["components"] == described["components"]
    assert json.loads(DOCUMENT.read_text("utf-8"))["webhooks"] == described["webhooks"]
