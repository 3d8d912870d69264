"""Nameplates by API: a service desk says and reads them, an owner reads the own alone, and nobody else any."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from alerts.desk import open_alerts
from alerts.owners import OwnedAppliance, Owner
from alerts.settings import AlertsSettings
from alerts.vault import open_vault
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.guard.door import Door
from foremend.service.guard.rates import Buckets
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.rights import Role
from tests.integration.service.test_owners_api import Api

PLATE = "/api/v1/appliances/fridge-1/nameplate"
SAID = {
    "appliance_model": "rf-260",
    "batch": "2025-44",
    "region": "north",
    "installed_at": "2025-01-05T00:00:00Z",
    "firmware": [{"since": "2025-01-05T00:00:00Z", "version": "1.0"}],
}


@pytest.fixture
def api(tmp_path: Path, database: str, clock: Any) -> Iterator[Api]:
    settings = AlertsSettings(database=database, key_file=tmp_path / "key", sms=None, push=None)
    alerts = open_alerts(
        settings, clock, open_vault(settings, os.environ), {}, np.random.default_rng(0), {}, {}
    )
    alerts.owners.register_owners([Owner("o-1", {}), Owner("o-2", {})])
    alerts.owners.register_appliances([OwnedAppliance("fridge-1", "o-1", "rf-260")])
    pipeline = SharedPipeline(alerts.engine, (), clock, 60_000)
    app = create_app(
        ReadModel(alerts.engine, pipeline, load_profiles(), {}, {}),
        door=Door(alerts.access, False, Buckets(1e6), Buckets(1e6)),
        desks=Desks(nameplates=alerts.nameplates),
    )
    with (
        Server(app, "127.0.0.1", 0) as address,
        httpx.Client(base_url=address, timeout=60) as client,
    ):
        yield Api(client, alerts, clock)
    alerts.close()


def test_what_a_service_desk_said_is_read_as_it_was_said(api: Api) -> None:
    """With the category that goes with the model; said twice it is the same; later firmware is added."""
    agent = api.as_(Role.AGENT)

    first, second = agent("PUT", PLATE, json=SAID), agent("PUT", PLATE, json=SAID)
    newer = SAID | {"firmware": [{"since": "2025-06-01T00:00:00Z", "version": "1.1"}]}
    agent("PUT", PLATE, json=newer)

    assert first.status_code == 200
    assert first.json() == second.json()
    known = agent("GET", PLATE).json()
    assert (known["category"], known["batch"], known["region"]) == ("refrigerator", "2025-44", "north")
    assert [one["version"] for one in known["firmware"]] == ["1.0", "1.1"]


def test_an_owner_reads_the_own_alone_and_says_nothing(api: Api) -> None:
    """What is another's looks as if it were not there."""
    api.as_(Role.AGENT)("PUT", PLATE, json=SAID)

    assert api.as_(Role.OWNER, "o-1")("GET", PLATE).json()["batch"] == "2025-44"
    assert api.as_(Role.OWNER, "o-2")("GET", PLATE).status_code == 404
    assert api.as_(Role.OWNER, "o-1")("PUT", PLATE, json=SAID).status_code == 403


@pytest.mark.parametrize("role", [Role.QUALITY, Role.DATA_SCIENTIST, Role.OPERATOR])
def test_whoever_needs_no_owner_reads_no_nameplate_by_an_id(api: Api, role: Role) -> None:
    """The refusal says which right is missing."""
    refused = api.as_(role)("GET", PLATE)

    assert (refused.status_code, refused.json()["right"]) == (403, "owners")


@pytest.mark.parametrize(
    ("path", "body", "status", "word"),
    [
        (PLATE, SAID | {"appliance_model": "rf-26"}, 422, "did you mean 'rf-260'?"),
        (PLATE, SAID | {"batch": "x" * 121}, 422, "batch"),
        (PLATE, SAID | {"serial": "1"}, 422, "serial"),
        (PLATE, SAID | {"installed_at": "yesterday"}, 422, "installed_at"),
        ("/api/v1/appliances/fridge%201/nameplate", SAID, 400, "did you mean 'fridge-1'?"),
    ],
)
def test_what_cannot_be_kept_is_refused_with_the_reason(
    api: Api, path: str, body: dict[str, Any], status: int, word: str
) -> None:
    """And nothing is kept of it."""
    agent = api.as_(Role.AGENT)

    answer = agent("PUT", path, json=body)

    assert answer.status_code == status
    assert word in answer.text
    assert agent("GET", PLATE).status_code == 404
