"""Fleets outside the simulator from end to end: learnt from by the verbs of the command line, judged, shown."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.outside import recorded
from benchmarks.outside.__main__ import main
from benchmarks.outside.fleets import OWN, truth
from benchmarks.outside.outcomes import first_outcomes, halves, trained
from benchmarks.outside.watch import lived_through
from foremend.config import load_settings
from foremend.history.parquet import ParquetHistory
from foremend.jobs.replay import Wish, replay_recording
from foremend.learning.backtest import score
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import load_profiles

MAPPING = Path(__file__).parents[3] / "examples" / "mappings" / "refrigerator-fleet.yaml"
RECORDED = ("ex0000", "ex0002", "ex0018")  # one stays well, one gets warm before it fails, one once it did
LATER = 2**62


def quiet(done: int, of: int) -> None:
    """Nobody listens."""


def test_outcomes_of_one_half_become_a_model_that_knows_nothing_later_and_is_judged_on_the_other(
    tmp_path: Path,
) -> None:
    """The history ends with the last outcome; the registry of the settings is not touched."""
    settings, profile = load_settings(), load_profiles()["wm-7"]
    models = settings.models.model_copy(update={"registry": tmp_path / "untouched"})
    judging, giving = halves(OWN["washing-machine"].cases(40, 1, quiet))
    outcomes = first_outcomes(giving, 8)

    learnt = trained(giving, outcomes, profile, settings.model_copy(update={"models": models}), tmp_path)
    figures = score(
        lived_through(judging, profile, learnt.fitted, settings, quiet), [truth(case) for case in judging]
    )

    assert learnt.became == "promoted" or learnt.became.startswith("the champion stays: ")
    assert not models.registry.exists()
    read = list(ParquetHistory(tmp_path / "history").read("wm-7", 0, LATER))
    assert max(int(block.time.max()) for block in read) <= (outcomes[-1].failure or 0)
    assert {one for block in read for one in block.appliance_ids} == {case.appliance for case in giving}
    assert (figures["appliances"], figures["ill"]) == (20, 10)
    assert 0 <= figures["named"] <= figures["told"] <= figures["shown"] <= 1


def test_a_maker_s_backtest_of_the_same_files_gives_the_same_figures(tmp_path: Path) -> None:
    """By `foremend replay --outcomes`: one protocol, whoever reads the files."""
    if not recorded.DATA.is_dir():
        pytest.skip(f"no real data at {recorded.DATA}")
    settings, profile = load_settings(), load_profiles()["rf-260"]
    some = [case for case in recorded.cases(recorded.DATA, power_alone=False) if case.appliance in RECORDED]
    said = lived_through(some, profile, {}, settings, quiet)
    expected = score(said, [truth(case) for case in some])

    told = replay_recording(
        [recorded.DATA / "fleet-a" / f"{name}.parquet" for name in RECORDED],
        MAPPING,
        None,
        Wish(recorded.DATA / "fleet-a" / "truth.csv", rules_alone=True),
    )["backtest"]

    assert {name: told[name] for name in expected} == expected
    assert (expected["ill"], expected["told"]) == (2, 1.0)


def test_a_fleet_that_is_missing_is_left_out_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where nothing is left, that is an error that programs can see."""
    code = main(["--json", "--fleet", "fleet-a", "--outcomes", "0", "--data", str(tmp_path)])

    said = capsys.readouterr()
    assert code == InputError.exit_code
    assert json.loads(said.out)["fleets"] == {}
    assert "fleet-a is left out" in said.err
