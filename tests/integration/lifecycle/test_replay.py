"""`foremend replay` asks the trained models that a pipeline would ask, says which, and is judged by what is known."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml

from foremend.config import load_settings
from foremend.engine.follow import follow
from foremend.history.parquet import ParquetHistory
from foremend.jobs.replay import Wish, replay_history, replay_recording
from foremend.learning.model_building import load_fitted
from foremend.learning.stored import open_registry
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY
from rules.evaluator import RuleBook
from simulators.fleet.history import read_truth

from .conftest import MODEL

EVERYTHING = 2**62
OWN = "rf-own"


@pytest.fixture
def shipped(tmp_path: Path) -> Path:
    """The shipped rules, an empty registry, a first training that is quick, and a profile that nobody simulates."""
    folder = tmp_path
    (folder / "profiles").mkdir()
    profile = {"name": OWN, "extends": "refrigerator", "title": {"en": "Our own", "zh": "自有"}}
    (folder / "profiles" / f"{OWN}.yaml").write_text(yaml.safe_dump(profile), encoding="utf-8")
    settings = {
        "extends": "shipped",
        "profiles": {"folders": ["profiles"]},
        "models": {
            "registry": "models",
            "appliance_models": [MODEL, "rf-520", OWN],
            "training": {"appliances": 20, "days": 40, "every_days": 1},
        },
    }
    (folder / "config.yaml").write_text(yaml.safe_dump(settings))
    return folder / "config.yaml"


def as_json(value: object) -> object:
    return json.loads(json.dumps(value))


def test_a_replay_finds_what_a_pipeline_with_the_champion_would(shipped: Path, past: Path) -> None:
    """Trained first where there is none; the second replay asks the same one."""
    trained: list[str] = []
    wish = Wish(trained=lambda name, done, total: trained.append(name) if name else None)

    told = replay_history(past, MODEL, shipped, wish)
    again = replay_history(past, MODEL, shipped, wish)

    settings = load_settings(shipped)
    registry = open_registry(settings.models)
    assert trained == [MODEL]
    assert registry.appliance_models() == [MODEL]
    (used,) = told["models"]
    card = registry.card(MODEL, "v0001")
    assert (used["version"], used["learnt_for"], used["trained_on"]) == ("v0001", MODEL, card.trained_on)
    assert "trained on simulated" in used["sentence"]
    champion = load_fitted(MODEL, "v0001", registry)
    blocks = ParquetHistory(past / "history").read(MODEL, 0, EVERYTHING)
    lived = follow(load_profiles()[MODEL], blocks, rules=RuleBook(settings.rules), fitted=champion)
    expected = [asdict(one) for one in lived.findings if one.fault != "silent"]
    assert as_json(told["findings"]) == as_json(expected) == as_json(again["findings"])
    assert {one["rule"] for one in told["findings"]} & {"predicted-fault", "still-predicted", "not-itself"}


def test_an_appliance_model_that_nobody_simulates_borrows_as_in_a_pipeline(shipped: Path, past: Path) -> None:
    """Only the lender is trained; it is said whose it is."""
    history = past / "history" / f"appliance_model={MODEL}"
    own = shipped.parent / "own" / f"appliance_model={OWN}"
    own.parent.mkdir()
    own.symlink_to(history, target_is_directory=True)

    told = replay_history(own.parent, None, shipped)

    (used,) = told["models"]
    assert (used["appliance_model"], used["version"], used["learnt_for"]) == (OWN, "v0001", MODEL)
    assert f"borrowed from {MODEL}" in used["sentence"]
    assert open_registry(load_settings(shipped).models).appliance_models() == [MODEL]


def test_rules_alone_trains_nothing_and_says_so(past: Path, tmp_path: Path) -> None:
    """For a first look at a recording: rules, and faults by their signatures."""
    (tmp_path / "config.yaml").write_text("extends: shipped\nmodels: {registry: models}")

    told = replay_history(past, MODEL, tmp_path / "config.yaml", Wish(rules_alone=True))

    assert (told["models"], told["notes"]) == ([], ["no trained model was asked, as --rules-alone says"])
    assert not (tmp_path / "models").exists()
    assert not [
        one for one in told["findings"] if one["days_to_failure"] is not None
    ]  # as a trained one estimates


def test_a_config_that_names_other_models_asks_none_and_says_so(past: Path, tmp_path: Path) -> None:
    """As in a pipeline, which then watches by rules alone."""
    (tmp_path / "config.yaml").write_text(
        "extends: shipped\nmodels: {registry: models, appliance_models: []}"
    )

    told = replay_history(past, MODEL, tmp_path / "config.yaml")

    assert told["models"] == []
    assert f"no trained model speaks of {MODEL}: models.appliance_models does not name it" in told["notes"][0]


def test_a_simulation_s_past_is_judged_by_its_truth(shipped: Path, past: Path) -> None:
    """Each fault that failed in it is an outcome, told or not; whoever says nothing of the others is right."""
    truth = [one for one in read_truth(past / "truth.json") if one.failure]
    blocks = list(ParquetHistory(past / "history").read(MODEL, 0, EVERYTHING))
    end = max(int(block.time.max()) for block in blocks)

    figures = replay_history(past, None, shipped, Wish(past / "truth.json"))["backtest"]

    failed = [one for one in truth if one.failure and one.failure <= end - MS_PER_DAY]
    assert {(one.appliance, one.fault) for one in failed} <= {
        (one["appliance"], one["fault"]) for one in figures["outcomes"]
    }
    told = [one for one in figures["outcomes"] if one["told"] is not None]
    assert figures["told"] == pytest.approx(len(told) / len(figures["outcomes"]), abs=0.001)
    assert all(one["telling_counts_from"] <= one["told"] < one["failure"] for one in told)
    assert len(figures["false_warnings"]) == figures["false"]
    assert figures["appliances"] == 32


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ("{}", "there is no rule, so nothing would ever be found: write some, or 'extends: shipped'"),
        (
            "{book: [{name: gone, fault: silent, when: {silent_for: 3 d}}]}",
            f"no rule speaks of {MODEL} but of its silence",
        ),
    ],
)
def test_without_rules_a_replay_says_that_nothing_can_be_found(
    rules: str, why: str, past: Path, tmp_path: Path
) -> None:
    """It tells the days all the same; a backtest of no rule is refused."""
    config = tmp_path / "config.yaml"
    config.write_text(f"rules: {rules}\nmodels: {{registry: models}}")

    told = replay_history(past, MODEL, config, Wish(rules_alone=True))

    assert told["findings"] == []
    assert len(told["appliances"]) == 32
    assert why in told["notes"][0]
    with pytest.raises(ConfigError, match=why.partition(":")[0]):
        replay_history(past, MODEL, config, Wish(past / "truth.json", rules_alone=True))


def test_a_folder_without_history_is_refused(shipped: Path, tmp_path: Path) -> None:
    """And an appliance model that is not in it."""
    with pytest.raises(InputError, match="holds no history"):
        replay_history(tmp_path, None, shipped)
    with pytest.raises(InputError, match="no usable reading"):
        replay_history(tmp_path, MODEL, shipped, Wish(rules_alone=True))
    with pytest.raises(ConfigError, match="no appliance model 'rf-0'"):
        replay_history(tmp_path, "rf-0", shipped)


def test_a_maker_s_files_are_judged_in_one_go(past: Path, tmp_path: Path) -> None:
    """A file an appliance in a folder, its id in the name, and a table with days since the recording began."""
    import pyarrow.dataset as ds
    import pyarrow.parquet as pq

    stored = ds.dataset(past / "history", partitioning="hive").to_table(
        columns=["appliance", "time", "power", "cabinet_temp"]
    )
    ids = sorted(stored["appliance"].unique().to_pylist())[:3]
    for one in ids:
        rows = stored.filter(ds.field("appliance") == one).sort_by("time").drop(["appliance"])
        pq.write_table(rows, tmp_path / f"{one}.parquet")
    (tmp_path / "found.csv").write_text(f"id,what,day\n{ids[0]},not_cooling,30\n{ids[1]},healthy,\n")
    units = load_profiles()[MODEL].units
    mapping = {
        "appliance_model": MODEL,
        "appliance_id": {"file_name": r"^(?P<appliance_id>.+)\.parquet"},
        "time": {"column": "time", "format": "epoch_ms"},
        "signals": {name: {"column": name, "unit": units[name]} for name in ("power", "cabinet_temp")},
        "outcomes": {
            "appliance_id": "id",
            "fault": "what",
            "confirmed_at": {"column": "day", "format": "days"},
        },
    }
    (tmp_path / "map.yaml").write_text(yaml.safe_dump(mapping))
    (tmp_path / "config.yaml").write_text("extends: shipped\nmodels: {registry: models}")

    wish = Wish(tmp_path / "found.csv", rules_alone=True)
    told = replay_recording([tmp_path], tmp_path / "map.yaml", tmp_path / "config.yaml", wish)

    assert (told["files"], sorted(told["appliances"])) == (3, ids)
    assert told["readings"]["late"] == 0
    assert (told["backtest"]["appliances"], told["backtest"]["ill"]) == (3, 1)
    (outcome,) = told["backtest"]["outcomes"]
    assert outcome["failure"] % MS_PER_DAY == 0
