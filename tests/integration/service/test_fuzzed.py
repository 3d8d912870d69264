"""Requests that nobody thought of, as everybody who may ask: `python -m benchmarks.fuzz_api` with a few of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI, HTTPException

from benchmarks.fuzz_api import CALLERS, House, fuzzed, serving
from benchmarks.postgres_server import PostgresServer
from foremend.service.server import Server


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The process of `foremend service` on SQLite, with two households."""
    folder = tmp_path_factory.mktemp("fuzz")
    with serving(f"sqlite:///{folder}/fuzz.db", folder) as found:
        yield found


@pytest.mark.parametrize("caller", CALLERS)
def test_no_route_answers_what_its_description_does_not_have(
    house: House, caller: str, tmp_path: Path
) -> None:
    """Nor 5xx, whoever asks: each role by a token, and an admin in a browser."""
    found = fuzzed(house, caller, 1, 1, ("fuzzing",), tmp_path)

    assert found["failures"] == []
    assert found["cases"] >= found["operations"] > 30
    assert found["let_in"] > 5, "the caller is nobody here"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/tickets?appliance_id=%00", 400),
        (f"/api/findings?appliance_id={'a' * 300}", 400),
        ("/api/v1/tickets/%00", 400),
        ("/api/appliances/nobody", 404),
        ("/api/v1/tickets?severity=warning&severity=critical", 422),
    ],
)
def test_what_was_found_once_stays_found(house: House, path: str, status: int) -> None:
    """Ids that no database keeps, what is not there, a filter of which one half was passed over."""
    answer = httpx.get(house.address + path, headers=dict(house.headers["admin"]), timeout=60)
    described = httpx.get(f"{house.address}/openapi.json", timeout=60).json()["paths"]
    route = path.partition("?")[0]
    named = next(one for one in described if re.fullmatch(re.sub(r"{\w+}", "[^/]+", one), route))

    assert answer.status_code == status
    assert str(status) in described[named]["get"]["responses"]
    assert answer.headers["content-type"] == "application/problem+json"


def test_nor_on_the_other_database(postgres_server: PostgresServer, tmp_path: Path) -> None:
    """An admin, who reaches most."""
    with serving(postgres_server.new_database(), tmp_path) as house:
        found = fuzzed(house, "admin", 1, 2, ("fuzzing",), tmp_path)

    assert found["failures"] == []


def test_an_answer_that_was_not_described_would_be_found(tmp_path: Path) -> None:
    """So that the tests above can fail: a status, and an error of ours."""
    app = FastAPI()

    @app.get("/teapot")
    def teapot() -> None:
        raise HTTPException(418, "short and stout")

    @app.get("/defect")
    def defect() -> int:
        return 1 // len([])

    with Server(app, "127.0.0.1", 0) as address:
        found = fuzzed(House(address, {"admin": {}}), "admin", 1, 1, ("fuzzing",), tmp_path)

    assert "Server error: GET /defect" in found["failures"]
    assert "/teapot" in "".join(found["failures"])
    assert "Received: 418" in found["shown"]
