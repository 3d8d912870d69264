"""The catalogue of events is what the code sends, and what the documents of the API say."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml
from fastapi import FastAPI

from alerts.endpoints import TEST
from alerts.events import EVENTS
from alerts.ticket_steps import UNTOLD, AnyStep
from foremend.service.v1.webhooks import data_schemas, document_events

ROOT = Path(__file__).parents[3]
CLOCKS = {"due_soon", "overdue"}  # of `alerts.promises.due`
PREFIX = "foremend.ticket."


def calls(name: str) -> list[ast.Call]:
    """Every call of a function or method of that name in `alerts/`."""
    trees = [ast.parse(file.read_text("utf-8")) for file in (ROOT / "alerts").rglob("*.py")]
    found = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    return [one for one in found if getattr(one.func, "id", getattr(one.func, "attr", "")) == name]


def constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def test_every_type_that_the_code_sends_is_in_the_catalogue_and_no_other() -> None:
    """Read from the source: whoever sends a new type, or sends one no more, hears of it here."""
    types = [keyword.value for call in calls("Event") for keyword in call.keywords if keyword.arg == "type"]
    said = {one for node in types if (one := constant(node)) is not None}
    words = {one for call in calls("tell") if len(call.args) > 3 and (one := constant(call.args[3]))}
    words |= {one for call in calls("_tell") if len(call.args) > 3 and (one := constant(call.args[3]))}
    union = get_args(AnyStep)[0]
    steps = {get_args(step.model_fields["step"].annotation)[0] for step in get_args(union)}

    sent = said | {TEST} | {PREFIX + word for word in words | (steps - UNTOLD) | CLOCKS}

    assert [type(node) for node in types if constant(node) is None] == [ast.JoinedStr]  # a ticket's
    assert sent == set(EVENTS)


def test_the_document_of_the_api_has_every_event() -> None:
    """`webhooks:` of docs/openapi.json: each type with its data, whose schema is there."""
    document = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))

    found = {
        name: one["post"]["requestBody"]["content"]["application/cloudevents+json"]["schema"]["properties"]
        for name, one in document["webhooks"].items()
    }

    assert {name: one["type"]["const"] for name, one in found.items()} == {name: name for name in EVENTS}
    assert {name: one["data"]["$ref"].rpartition("/")[2] for name, one in found.items()} == {
        name: kind.data.__name__ for name, kind in EVENTS.items()
    }
    assert data_schemas("").keys() <= document["components"]["schemas"].keys()


def test_documenting_events_changes_no_schema_that_was_there(world: Any) -> None:
    """A name that means two things would break whoever generates a client."""
    from foremend.service.app import create_app

    before = FastAPI.openapi(create_app(world.model))["components"]["schemas"]
    ours = data_schemas("#/components/schemas/{model}")

    assert {name: before[name] for name in ours if name in before} == {
        name: one for name, one in ours.items() if name in before
    }


def test_the_document_is_the_same_however_often_it_is_asked_for() -> None:
    """It is made once."""
    app = FastAPI()

    @app.get("/x")
    def x(number: int) -> int:
        return number

    document_events(app)

    assert app.openapi() == app.openapi()
    assert set(app.openapi()["webhooks"]) == set(EVENTS)


def test_the_asyncapi_document_has_every_event() -> None:
    """docs/asyncapi.yaml: the channel of webhooks has these messages, each with the schema of its data."""
    document = yaml.safe_load((ROOT / "docs" / "asyncapi.yaml").read_text("utf-8"))
    openapi = json.loads((ROOT / "docs" / "openapi.json").read_text("utf-8"))
    keys = document["channels"]["webhooks"]["messages"]
    messages = {one["name"]: one for one in (document["components"]["messages"][key] for key in keys)}

    refs = {name: one["payload"]["allOf"][1]["properties"]["data"]["$ref"] for name, one in messages.items()}

    assert refs == {
        name: f"openapi.json#/components/schemas/{kind.data.__name__}" for name, kind in EVENTS.items()
    }
    assert {name: one["summary"] for name, one in messages.items()} == {
        name: kind.when for name, kind in EVENTS.items()
    }
    assert {ref.rpartition("/")[2] for ref in refs.values()} <= openapi["components"]["schemas"].keys()


@pytest.mark.parametrize("name", sorted(set(EVENTS) - {TEST}))
def test_the_guide_names_every_event(name: str) -> None:
    """docs/service-platform.md, in words."""
    guide = (ROOT / "docs" / "service-platform.md").read_text("utf-8")

    assert f"`{name}`" in guide or f"`{name.removeprefix(PREFIX)}`" in guide
