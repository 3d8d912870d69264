"""`foremend household`: one command is the consent of one's own household, and one takes it back."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

from alerts.database import writing
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import ConsentRow
from foremend.cli import app
from foremend.config import load_settings
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, RefusedError
from foremend.vocabulary.types import MS_PER_DAY, Purpose
from foremend.wiring.desk import open_desk

CONFIG = """
extends: shipped
storage: { folder: var }
models: { appliance_models: [] }
ingest:
  decoders:
    - decoder: tasmota
      appliances:
        fridge: { appliance_id: kitchen-fridge, appliance_model: generic-compressor }
        box: { appliance_id: cellar-freezer, appliance_model: generic-compressor }
      signals: { power: { path: ENERGY.Power, unit: W } }
alerts: { sms: null, push: { file: push.jsonl }, database: "sqlite:///foremend.db", key_file: key }
"""

Call = Callable[..., dict[str, Any]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A household with two plugs, told by a file."""
    file = tmp_path / "config.yaml"
    file.write_text(CONFIG)
    return file


@pytest.fixture
def household(config: Path) -> Call:
    """The command; what it answers."""

    def call(*words: str) -> dict[str, Any]:
        command = ["household", *words, "--config", str(config), "--json"]
        result = CliRunner().invoke(app, command, catch_exceptions=False)
        answer: dict[str, Any] = json.loads(result.stdout)
        return answer

    return call


def given(config: Path, appliance_id: str) -> set[str]:
    """The purposes that hold now."""
    desk = open_desk(load_settings(config), SystemClock())
    try:
        return {str(one) for one in Purpose if desk.consent.is_given(appliance_id, one)}
    finally:
        desk.close()


def test_one_command_agrees_for_every_appliance_that_is_known(household: Call, config: Path) -> None:
    """To be watched and to be told by the channels that are set up; no ticket, no SMS."""
    said = household("agree", "--timezone", "Europe/Berlin")

    assert said == {
        "appliances": ["cellar-freezer", "kitchen-fridge"],
        "agreed_to": ["monitoring", "push"],
        "told_by": ["push"],
        "called": {},
        "language": "en",
        "timezone": "Europe/Berlin",
    }
    assert given(config, "kitchen-fridge") == given(config, "cellar-freezer") == {"monitoring", "push"}


def test_who_wants_to_be_woken_when_food_thaws_says_so(household: Call, config: Path) -> None:
    """Nobody else is: the night is theirs until they say otherwise, and a withdrawal takes this back, too."""
    household("agree", "--appliance", "cellar-freezer", "--at-night")
    household("agree", "--appliance", "kitchen-fridge")

    assert given(config, "cellar-freezer") == {"monitoring", "push", "at_night"}
    assert given(config, "kitchen-fridge") == {"monitoring", "push"}
    household("withdraw")
    assert given(config, "cellar-freezer") == set()


def test_agreeing_twice_is_agreeing_once(household: Call, config: Path) -> None:
    """The ledger has each yes once."""
    household("agree")
    household("agree")

    desk = open_desk(load_settings(config), SystemClock())
    history = desk.consent.history("kitchen-fridge")
    desk.close()
    assert [(row["purpose"], row["how"]) for row in history] == [
        (Purpose.MONITORING, "foremend household"),
        (Purpose.PUSH, "foremend household"),
    ]


def test_agreeing_again_before_the_end_is_what_the_message_before_it_asks_for(
    household: Call, config: Path
) -> None:
    """A yes of almost two years ago, which ends in ten days, holds for two years more."""
    household("agree")
    in_ten_days = SystemClock().now_ms() + 10 * MS_PER_DAY
    desk = open_desk(load_settings(config), SystemClock())
    with writing(desk.engine) as session:
        session.execute(update(ConsentRow).values(ends_at=in_ten_days))

    household("agree")

    kept = desk.consent.is_given("kitchen-fridge", Purpose.PUSH, in_ten_days + MS_PER_DAY)
    desk.close()
    assert kept


def test_withdrawing_is_as_easy_and_may_be_said_twice(household: Call, config: Path) -> None:
    """Of one appliance or of all; nothing holds any more."""
    household("agree")

    first = household("withdraw", "--appliance", "kitchen-fridge")
    kept = given(config, "cellar-freezer")
    rest = household("withdraw")
    again = household("withdraw")

    assert first == {"appliances": ["kitchen-fridge"], "withdrawn": ["monitoring", "push"]}
    assert kept == {"monitoring", "push"}
    assert rest["withdrawn"] == ["monitoring", "push"]
    assert again["withdrawn"] == []
    assert given(config, "kitchen-fridge") == given(config, "cellar-freezer") == set()


def test_another_owners_appliance_is_left_alone(household: Call, config: Path) -> None:
    """Nobody agrees for somebody else, not even by this command."""
    desk = open_desk(load_settings(config), SystemClock())
    desk.owners.register_owners([Owner("neighbour", {})])
    desk.owners.register_appliances([OwnedAppliance("cellar-freezer", "neighbour", "generic-compressor")])
    desk.close()

    with pytest.raises(RefusedError, match="'cellar-freezer' belongs to another owner"):
        household("agree")

    assert given(config, "kitchen-fridge") == set()


def test_what_nobody_knows_cannot_agree(household: Call) -> None:
    """With the two ways to make it known."""
    with pytest.raises(ConfigError, match="'oven' is not known: name it under"):
        household("agree", "--appliance", "oven")


def test_a_household_that_nothing_could_tell_is_asked_to_set_a_channel_up(
    household: Call, config: Path
) -> None:
    """A yes to nothing would look as if it were one to something."""
    config.write_text(CONFIG.replace("push: { file: push.jsonl }", "push: null"))

    with pytest.raises(ConfigError, match="no channel is set up"):
        household("agree")


def test_trying_sends_by_each_channel_that_is_set_up(household: Call, tmp_path: Path) -> None:
    """A message that says itself that nothing is wrong."""
    said = household("try")

    assert said == {"push": "sent"}
    [line] = (tmp_path / "push.jsonl").read_text().splitlines()
    assert json.loads(line)["text"] == "This is how Foremend tells you. Nothing is wrong."


def test_trying_asks_for_no_secret_of_a_webhook(
    household: Call, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands in the service's environment, not in the window where somebody tries the phone."""
    monkeypatch.delenv("HOOK_SECRET", raising=False)
    hook = "{ name: hook, url: https://example.com, secret_env: HOOK_SECRET }"
    config.write_text(CONFIG.replace("alerts: {", f"alerts: {{ webhooks: [{hook}],"))

    assert household("try") == {"push": "sent"}


def test_a_fleet_is_no_household(household: Call, config: Path) -> None:
    """A hundred at most: of more nobody here can say who lives with them."""
    model = "appliance_model: generic-compressor"
    many = "\n".join(f"        p{i}: {{ appliance_id: p{i}, {model} }}" for i in range(101))
    config.write_text(CONFIG.replace("      appliances:\n", f"      appliances:\n{many}\n"))

    with pytest.raises(ConfigError, match="103 appliances are no household"):
        household("agree")
