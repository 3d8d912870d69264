"""`foremend train` and `foremend models`, as a data scientist types them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from foremend.cli import main
from foremend.learning.outcomes import read_outcomes
from foremend.learning.stored import open_registry
from models.registry.registry import ModelCard, Registry
from models.settings import ModelsSettings

MODEL = "rf-260"


@pytest.fixture
def foremend(config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Any:
    """Runs a command on `config`; its exit code and the JSON object it printed, or what it complained of."""

    def run(*words: str) -> tuple[int, Any]:
        monkeypatch.setattr(sys, "argv", ["foremend", *words, "--config", str(config), "--json"])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        code = int(ended.value.code or 0)
        return code, json.loads(said.out) if code == 0 else " ".join(said.err.split())

    return run


def test_a_life_from_first_training_to_rollback(foremend: Any, config: Path, past: Path) -> None:
    """Champion, challenger, comparison, a refusal, a promotion with a reason, and back again."""
    outcomes = str(past / "truth.json")

    code, first = foremend("train", "--appliance-model", MODEL)
    assert (code, first["alias"], first["version"]) == (0, "champion", "v0001")
    code, second = foremend(
        "train", "--appliance-model", MODEL, "--history", str(past), "--outcomes", outcomes, "--seed", "3"
    )
    assert (code, second["alias"], second["version"]) == (0, "challenger", "v0002")
    assert second["trained_on"]["seed"] == 3

    code, compared = foremend("models", "compare", MODEL)
    assert compared["champion"]["ill"] == compared["challenger"]["ill"] > 0
    worsened(config.parent / "models")
    code, sentence = foremend("models", "promote", MODEL, "v0003")
    assert (code, f"{MODEL} v0003 is not promoted" in sentence) == (5, True)
    assert "What is missing: fewer than 3 outcomes of" in sentence
    code, sentence = foremend("models", "promote", MODEL, "v0003", "--force")
    assert (code, "needs a --reason" in sentence) == (2, True)
    code, promoted = foremend("models", "promote", MODEL, "v0003", "--force", "--reason", "try it")
    assert (code, promoted["champion"], promoted["previous"]) == (0, "v0003", "v0001")

    code, back = foremend("models", "rollback", MODEL, "--reason", "alarms")
    assert (code, back["champion"]) == (0, "v0001")
    code, shown = foremend("models", "show", MODEL)
    assert [one["why"] for one in shown["history"]] == ["first version", "try it", "alarms"]
    assert shown["history"][1]["forced"]
    code, listed = foremend("models", "list")
    assert [one["alias"] for one in listed[MODEL].values()] == ["champion", "challenger", None]


def test_a_first_version_that_is_not_worth_it_is_stored_and_not_used(
    foremend: Any, past: Path, tmp_path: Path
) -> None:
    """Two outcomes teach too little: the sentence says what is missing and what goes on; a person may insist."""
    table = tmp_path / "few.csv"
    few = sorted(read_outcomes(past / "truth.json"), key=lambda one: one.confirmed_at)[:2]
    rows = [f"{one.appliance_id},{one.fault},{one.confirmed_at}" for one in few]
    table.write_text("\n".join(["appliance_id,fault,confirmed_at", *rows]))

    code, sentence = foremend(
        "train", "--appliance-model", MODEL, "--history", str(past), "--outcomes", str(table)
    )

    assert code == 5
    assert "confirmed failures to judge by, and 5 are needed" in sentence
    assert "fewer than 3 outcomes of refrigerant-leak" in sentence
    assert "Meanwhile rules and the watch by own past go on" in sentence
    assert [one["alias"] for one in foremend("models", "list")[1][MODEL].values()] == [None]
    assert foremend("models", "promote", MODEL, "v0001")[0] == 5
    insisted = foremend("models", "promote", MODEL, "v0001", "--force", "--reason", "a trial")
    assert (insisted[0], insisted[1]["champion"]) == (0, "v0001")


def worsened(root: Path) -> None:
    """A third version: the challenger, but sure of every fault all the time."""
    registry = Registry(root)
    card, state = registry.load(MODEL, "v0002")
    state["watched"]["probability"] = np.full_like(state["watched"]["probability"], 0.99)
    registry.add(ModelCard(**{**_plain(card), "version": "", "sha256": ""}), state)


def _plain(card: ModelCard) -> dict[str, Any]:
    return {name: getattr(card, name) for name in card.__slots__}


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (("train", "--appliance-model", "toaster"), 2, "no profile 'toaster'"),
        (("train", "--appliance-model", MODEL, "--history", "."), 2, "--history and --outcomes go together"),
        (
            ("train", "--appliance-model", MODEL, "--history", "influx", "--outcomes", "tickets"),
            2,
            "needs the settings under storage.influx",
        ),
        (("tickets", "outcome", "tk_0", "--confirmed"), 3, "no ticket 'tk_0'"),
        (("models", "show", MODEL), 2, "has no champion"),
        (("models", "show", MODEL, "v0007"), 7, "no model v0007"),
        (("models", "rollback", MODEL), 7, "nothing to go back to"),
        (("models", "compare", MODEL), 2, "has no challenger"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(
    foremend: Any, words: tuple[str, ...], code: int, sentence: str
) -> None:
    """With the exit code of its kind."""
    ended, said = foremend(*words)

    assert ended == code
    assert sentence in said


def test_tickets_teach_only_where_owners_agreed(foremend: Any, past: Path) -> None:
    """Nobody agreed to training, so nothing is learnt, whatever the history holds."""
    code, said = foremend(
        "train", "--appliance-model", MODEL, "--history", str(past), "--outcomes", "tickets"
    )

    assert code == 2
    assert "agreed to training" in said


def test_a_table_teaches_only_where_owners_agreed(
    foremend: Any, past: Path, config: Path, tmp_path: Path
) -> None:
    """Where the policy asks first nobody in the history was asked: their number is said, and none of their ids."""
    told = yaml.safe_load(config.read_text())
    told["alerts"]["jurisdiction"] = "EU"
    config.write_text(yaml.safe_dump(told))
    found = read_outcomes(past / "truth.json")
    table = tmp_path / "found.csv"
    rows = [f"{one.appliance_id},{one.fault},{one.confirmed_at}" for one in found]
    table.write_text("\n".join(["appliance_id,fault,confirmed_at", *rows]))

    code, said = foremend(
        "train", "--appliance-model", MODEL, "--history", str(past), "--outcomes", str(table)
    )

    assert (code, "agreed to training" in said, "(32 left out" in said) == (2, True, True)
    assert not any(one.appliance_id in said for one in found)


def test_nothing_stored_is_an_empty_list(foremend: Any) -> None:
    """Not an error."""
    assert foremend("models", "list") == (0, {})


def test_with_a_key_models_are_signed_and_must_be(
    foremend: Any, config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment's key signs; another one refuses."""
    monkeypatch.setenv("FOREMEND_MODEL_KEY", "one")
    registry = open_registry(ModelsSettings(registry=config.parent / "models"))
    registry.add(ModelCard(MODEL, "recipe", (), (), {}), {})
    assert foremend("models", "list")[1][MODEL]["v0001"]["signed"]

    monkeypatch.setenv("FOREMEND_MODEL_KEY", "two")
    code, sentence = foremend("models", "show", MODEL, "v0001")

    assert (code, "another key" in sentence) == (7, True)
