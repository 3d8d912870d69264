"""The API of models over a registry that somebody damaged: it says what cannot be read, and shows everything else."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from alerts.database import open_database
from foremend.learning.versions import Versions
from foremend.runtimes.clock import SystemClock
from foremend.service.app import create_app
from foremend.service.desks import Desks
from foremend.service.read_model import ReadModel
from foremend.service.server import Server
from foremend.service.shared_pipeline import SharedPipeline
from foremend.service.v1.models import ModelDesk
from foremend.vocabulary.profiles import load_profiles
from models.registry.registry import Registry
from rules.settings import RulesSettings

MODEL, OTHER = "rf-260", "rf-140"
SHIPPED = Registry(Path(__file__).parents[3] / "models" / "champions")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two versions of one appliance model, the first in use and the second its challenger; one of another."""
    registry = Registry(tmp_path / "models")
    for name in (MODEL, MODEL, OTHER):
        registry.take_over(SHIPPED, name, "v0001")
    for name in (MODEL, OTHER):
        registry.promote(name, "v0001", who="li.wei", why="the first", at=1_790_000_000_000)
    registry.challenge(MODEL, "v0002")
    registry.note_live(MODEL, {"champion": "v0001", "drifted": {"duty": {"psi": 0.3, "limit": 0.2}}})
    return tmp_path / "models" / MODEL


@pytest.fixture
def address(home: Path, tmp_path: Path) -> Iterator[str]:
    clock, tables = SystemClock(), open_database(f"sqlite:///{tmp_path}/effects.db")
    versions = Versions(Registry(home.parent), load_profiles(), RulesSettings(), 90.0, clock)
    model = ReadModel(tables, SharedPipeline(tables, (), clock, 60_000), {}, {}, {})
    with Server(
        create_app(model, desks=Desks(models=ModelDesk(versions, tables, clock))), "127.0.0.1", 0
    ) as address:
        yield address
    tables.dispose()


def asked(address: str, path: str) -> Any:
    return httpx.get(f"{address}/api/v1/models{path}").raise_for_status().json()


def card_with(**fields: object) -> Callable[[Path], object]:
    """The champion's card with other fields."""

    def damage(home: Path) -> None:
        card = home / "v0001" / "card.json"
        card.write_text(json.dumps(json.loads(card.read_text()) | fields))

    return damage


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a card that ends early": lambda home: (home / "v0001" / "card.json").write_text("{"),
    "a card of bytes": lambda home: (home / "v0001" / "card.json").write_bytes(b"\xff\xfe\x00"),
    "a card that is a list": lambda home: (home / "v0001" / "card.json").write_text("[]"),
    "a card that learnt from a list": card_with(trained_on=[1]),
    "a card of the year 33 million": card_with(made_at=10**18),
    "a champion that is gone": lambda home: shutil.rmtree(home / "v0001"),
    "aliases that end early": lambda home: (home / "aliases.json").write_text("{"),
    "a live.json that ends early": lambda home: (home / "live.json").write_text("{"),
    "a live.json that is a list": lambda home: (home / "live.json").write_text("[1]"),
    "a live.json of another build": lambda home: (home / "live.json").write_text(
        '{"champion": "v0001", "drifted": {"duty": 0.3}}'
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_what_is_damaged_is_told_and_everything_else_is_shown(
    damage: Callable[[Path], object], home: Path, address: str
) -> None:
    """In the list and of the one itself; the other appliance model is as ever."""
    damage(home)

    other, mine = asked(address, "")
    assert (other["appliance_model"], other["champion"], other["troubles"]) == (OTHER, "v0001", [])
    whole = asked(address, f"/{MODEL}")
    for told in (mine["troubles"], whole["troubles"]):
        assert [MODEL in one for one in told] == [True]
    assert whole["versions"][0]["version"] == "v0002"


@pytest.mark.parametrize("text", ["{", "[1]", '{"choice": {}}'])
def test_a_damaged_evaluation_is_told_and_the_version_is_shown(home: Path, address: str, text: str) -> None:
    (home / "v0001" / "evaluation.json").write_text(text)

    whole = asked(address, f"/{MODEL}")

    assert ["evaluation.json" in one for one in whole["troubles"]] == [True]
    assert (len(whole["versions"]), whole["evaluations"]) == (2, [])


def test_a_source_that_is_no_text_is_shown_as_one(home: Path, address: str) -> None:
    card_with(trained_on={"source": 5})(home)
    assert asked(address, "")[1]["source"] == "5"


def test_nothing_is_told_of_what_is_whole(address: str) -> None:
    """What drifts and who is in use are there."""
    mine, whole = asked(address, "")[1], asked(address, f"/{MODEL}")
    assert (mine["troubles"], whole["troubles"], mine["drifted"]) == ([], [], 1)
    assert [one["version"] for one in whole["versions"]] == ["v0002", "v0001"]
