"""docs/openapi.json is what the service answers to."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from foremend.service.app import create_app

_CALLABLE = re.compile(r"[a-z]+([A-Z][a-z]*)*")
DOCUMENT = Path(__file__).parents[3] / "docs" / "openapi.json"


def test_the_document_is_the_applications_own(world: Any) -> None:
    """After a change: `curl http://127.0.0.1:8080/openapi.json > docs/openapi.json` from a running Foremend."""
    described = create_app(world.model).openapi()

    assert json.loads(DOCUMENT.read_text("utf-8"))["paths"] == described["paths"]
    assert json.loads(DOCUMENT.read_text("utf-8"))["components"] == described["components"]
    assert json.loads(DOCUMENT.read_text("utf-8"))["webhooks"] == described["webhooks"]


def test_each_operation_has_a_name_of_its_own_that_people_can_call(world: Any) -> None:
    """What generated clients call their functions: listTickets, and not what a framework makes of path and method."""
    paths = create_app(world.model).openapi()["paths"].values()
    names = [one["operationId"] for path in paths for one in path.values()]

    assert [one for one in names if not _CALLABLE.fullmatch(one)] == []
    assert len(names) == len(set(names))
