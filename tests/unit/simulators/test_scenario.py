"""Scenarios: shipped ones load, wrong ones say in a sentence what is wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.vocabulary.errors import ConfigError
from simulators.categories import PHYSICS
from simulators.fleet.fleet import Fleet
from simulators.fleet.scenario import Scenario, as_yaml, load_scenario, plain_fleet, shipped


def scenario_file(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", shipped())
def test_every_shipped_scenario_makes_a_fleet(name: str) -> None:
    """By its bare name."""
    scenario = load_scenario(name)

    assert len(Fleet(scenario, 1).members) == sum(scenario.appliances.values())


def test_all_faults_has_every_fault_of_every_category() -> None:
    """So that a demo of any of them is one command away."""
    scripted = {fault.fault for fault in load_scenario("all-faults").faults}

    assert scripted == {fault for physics in PHYSICS for fault in physics.faults}


@pytest.mark.parametrize("name", shipped())
def test_a_scenario_that_is_handed_on_as_a_file_is_the_same_fleet(tmp_path: Path, name: str) -> None:
    """Its appliances, owners and faults: whoever publishes it lives through what the others hold it against."""
    scenario = load_scenario(name)
    if scenario.causes:  # whose fleet lives beforehand to know them
        scenario = scenario.resized(12, 3)
    handed_on = Fleet(load_scenario(scenario_file(tmp_path, as_yaml(scenario))), 1)

    kept = Fleet(scenario, 1)

    assert (handed_on.members, handed_on.owners) == (kept.members, kept.owners)
    assert handed_on.courses == kept.courses


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("appliances: {rf-999: 3}", "no simulated appliance model 'rf-999'"),
        ("appliances: {rf-260: 0}", "give at least 1"),
        ("appliances: {rf-260: 3}\ndays: -4", "days"),
        ("appliances: {rf-260: 3}\nfault_rate: 1.5", "fault_rate"),
        ("appliances: {rf-260: 3}\nfualt_rate: 0.5", "unknown key 'fualt_rate'"),
        ("appliances: {rf-260: 3}\nregions: {atlantis: 1}", "no climate 'atlantis'"),
        (
            "appliances: {rf-260: 3}\nfaults: [{appliance: rf-260-00009, fault: refrigerant-leak, onset_day: 1}]",
            "no appliance 'rf-260-00009'",
        ),
        (
            "appliances: {rf-260: 3}\nfaults: [{appliance: rf-260-00001, fault: filter-clog, onset_day: 1}]",
            "rf-260 cannot have the fault 'filter-clog'",
        ),
        ("appliances: {}", "appliances"),
        ("- a list", "must hold keys"),
        ("{", "not YAML"),
    ],
)
def test_a_wrong_scenario_is_refused_in_a_sentence(tmp_path: Path, text: str, complaint: str) -> None:
    """Unknown models, faults, regions, keys and impossible numbers."""
    with pytest.raises(ConfigError, match=complaint):
        load_scenario(scenario_file(tmp_path, text))


def test_a_missing_scenario_is_refused(tmp_path: Path) -> None:
    """Naming the file and the scenarios that there are."""
    with pytest.raises(ConfigError, match=r"nowhere.*bad-batch, demo"):
        load_scenario(tmp_path / "nowhere.yaml")


def test_a_plain_fleet_checks_its_numbers() -> None:
    """As the command line hands them over."""
    assert plain_fleet({"rf-260": 2}, 3, 0.1).days == 3
    with pytest.raises(ConfigError, match="days"):
        plain_fleet({"rf-260": 2}, -3, 0.1)


def test_a_smaller_version_keeps_the_story() -> None:
    """Every model stays; what is scripted for appliances that are gone goes with them."""
    demo = load_scenario("demo")

    small = demo.resized(appliances=4, days=10)

    assert small.appliances == dict.fromkeys(demo.appliances, 2)
    assert small.days == 10
    assert {fault.appliance[-1] for fault in small.faults} == {"2"}
    assert small.bad_cohorts == demo.bad_cohorts


def test_days_are_counted_from_a_utc_midnight() -> None:
    """The end is the midnight after the last day."""
    scenario = Scenario(days=2, appliances={"rf-260": 1})

    assert scenario.start_ms % 86_400_000 == 0
    assert scenario.end_ms - scenario.start_ms == 2 * 86_400_000
