"""What a signal or a state is called decides nothing: a profile in any language is followed as a bundled one is."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.engine.lane import Lane
from foremend.vocabulary.catalogue.features import feature_titles, without_words
from foremend.vocabulary.features import MINUS
from foremend.vocabulary.profiles import Profile, load_profile, load_profiles
from foremend.vocabulary.profiles.states import WHILE
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.drift import DriftWatch
from models.predictors.faults import FaultPredictor
from models.usual.features import DailyFeatures
from tests.unit.vocabulary.test_feature_schema import DISTINCT, PROFILES, lived

ROOT = Path(__file__).parents[3]
MIDNIGHT = 1_600_041_600_000
TITLES = {"title": {"en": "Pump", "zh": "水泵"}}

Naming = Callable[[str, int], str]
NAMINGS: Mapping[str, Naming] = {
    "opaque": lambda kind, number: f"{kind}{number}",
    "Chinese": lambda kind, number: (
        f"{'信号' if kind == 's' else '状态'}{'甲乙丙丁戊己庚辛壬癸'[number % 10]}{number}"
    ),
    "of other meaning": lambda kind, number: f"{kind}_temp_duty_share_visits_coverage_{number}",
}


def renamed(profile: Profile, naming: Naming) -> Profile:
    """The same appliance model with other names for every signal and state."""
    told = profile.model_dump(exclude_unset=True)
    names = {name: naming("s", k) for k, name in enumerate(profile.signals)}
    states = {name: naming("z", k) for k, name in enumerate(profile.states.named if profile.states else ())}

    def expression(text: str) -> str:
        return MINUS.join(names[one] for one in text.split(MINUS))

    def explains(text: str) -> str:
        signal, _, where = text.partition(WHILE)
        return f"{names[signal]}{WHILE}{states[where]}" if where else {**names, **states}[signal]

    told["signals"] = {names[name]: signal for name, signal in told["signals"].items()}
    if profile.cycle:
        told["cycle"]["signal"] = [names[one] for one in profile.cycle.signal]
        told["cycle"]["starts"] = names.get(profile.cycle.starts, profile.cycle.starts)
    if profile.watch:
        told["watch"]["signals"] = [names[one] for one in profile.watch.signals]
    for state in told["states"]["named"].values() if profile.states else ():
        for kind in ("mean", "peak", "low", "rate", "range", "turned"):
            state[kind] = [expression(one) for one in state.get(kind, ())]
        state["explained_by"] = [explains(one) for one in state.get("explained_by", ())]
        if state.get("like"):
            state["like"] = states[state["like"]]
        if state.get("only_while"):
            state["only_while"]["signal"] = names[state["only_while"]["signal"]]
    if profile.states:
        told["states"]["signal"] = names[profile.states.signal]
        told["states"]["named"] = {states[name]: one for name, one in told["states"]["named"].items()}
    return Profile.model_validate(told)


@pytest.fixture(params=DISTINCT)
def profile(request: pytest.FixtureRequest) -> Profile:
    return PROFILES[str(request.param)]


@pytest.fixture(params=NAMINGS)
def other(request: pytest.FixtureRequest, profile: Profile) -> Profile:
    """The same profile by other names."""
    return renamed(profile, NAMINGS[str(request.param)])


def closed_days(profile: Profile, signals: list[NDArray[np.float64]]) -> list[NDArray[np.float64]]:
    """The plain features and deviations of three days of two appliances, read every ten minutes."""
    lane, n = Lane(profile, lateness_ms=0), len(signals[0])
    time = MIDNIGHT + np.arange(n) // 2 * 600_000
    columns = dict(zip(profile.signals, signals, strict=True))
    block = Block(
        profile.name, ("a", "b"), np.arange(n, dtype=np.int32) % 2, time, np.full(n, -1), columns, ("", "")
    )
    lane.push(block)
    lane.flush()
    return [rows for day in lane.finished_days() for rows in (day.plain.values, day.deviations.values)]


def read_values(profile: Profile) -> list[NDArray[np.float64]]:
    """Made-up readings of every signal, counters rising, codes whole, within the profile's limits."""
    luck, n = np.random.default_rng(5), 2 * 3 * MS_PER_DAY // 600_000
    values = []
    for signal in profile.signals.values():
        if signal.kind == "counter":
            values.append(np.cumsum(luck.random(n) < 0.1).astype(float))
        elif signal.unit == "code":
            values.append((np.arange(n) // 12 % 7).astype(float))
        else:
            values.append(luck.uniform(max(signal.min, 0), min(signal.max, 300), n))
    return values


def test_days_of_readings_are_the_same_numbers(profile: Profile, other: Profile) -> None:
    """Runs, states, conditions and the appliance's own counter of starts are found by what the profile says of them."""
    values = read_values(profile)

    found, wanted = closed_days(other, values), closed_days(profile, values)

    assert len(found) == len(wanted) > 2
    for one, same in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(one, same)


def test_deviations_are_the_same_numbers(profile: Profile, other: Profile) -> None:
    """Ratios and differences, what explains what, what is compared at all."""
    np.testing.assert_array_equal(lived(DailyFeatures(other.daily)), lived(DailyFeatures(profile.daily)))


def test_the_same_columns_are_watched_for_drift_and_learnt_from(profile: Profile, other: Profile) -> None:
    """What the season moves, what is told better by siblings, and what is joined with another state's column."""
    columns, others = (DailyFeatures(one.daily).columns for one in (profile, other))
    luck = np.random.default_rng(3)
    rows, due = luck.normal(size=(60, len(columns))), np.where(np.arange(60) % 3 == 0, 20.0, np.inf)[:, None]

    learnt = []
    for each, one in ((columns, profile), (others, other)):
        drift, predictor = DriftWatch(), FaultPredictor(("leak",), trees=5, alike=one.counterparts)
        drift.learn(each, rows, luck.uniform(size=60), appliances=60)
        predictor.learn(each, rows, due)
        learnt.append((drift.snapshot()["columns"], *(predictor.snapshot()[k] for k in ("pairs", "columns"))))

    for found, wanted in zip(*learnt, strict=True):
        np.testing.assert_array_equal(found, wanted)


def test_people_read_the_same_words(profile: Profile, other: Profile) -> None:
    """In both languages, for every feature: words are the signals' and states' own titles."""
    titles, others = feature_titles([profile]), feature_titles([other])

    for one, same in zip(profile.daily_features, other.daily_features, strict=True):
        assert others[same.name] == titles[one.name]
        assert all(titles[one.name][language].strip() for language in ("en", "zh"))


CUSTOMERS = """
name: pump-1
category: pump
title: { en: Pump, zh: 水泵 }
signals:
  probe_mean: { unit: degC, min: 0, max: 100 }
  热水温度: { unit: degC, min: 0, max: 100, title: { en: hot water temperature, zh: 热水温度 } }
  Leistung: { unit: W, min: 0, max: 900 }
  user_visits: { unit: count, min: 0, max: 1.0e+9, kind: counter }
  phase: { unit: code, min: 0, max: 9 }
cycle: { signal: Leistung }
"""
TEMPERING = "states: { signal: phase, named: { tempering: { code: 1, mean: [Leistung, probe_mean] } } }\n"


def customers(folder: Path, text: str = CUSTOMERS) -> Profile:
    file = folder / "pump-1.yaml"
    file.write_text(text, encoding="utf-8")
    return load_profile(file)


def scales(profile: Profile) -> dict[str, float | None]:
    return {one.name: one.scale for one in profile.daily_features}


def test_a_temperature_is_compared_as_one_whatever_it_is_called(tmp_path: Path) -> None:
    """In kelvin, not as a ratio: its unit says so."""
    found = scales(customers(tmp_path))

    assert found["probe_mean_mean"] == found["热水温度_max"] == 1.0
    assert found["Leistung_mean"] is None


def test_a_set_point_is_a_temperature() -> None:
    """Of the bundled water heaters as of all others."""
    assert scales(load_profiles()["wh-60"])["set_point_on_mean"] == 1.0


def test_a_state_called_tempering_makes_no_temperature_of_watts(tmp_path: Path) -> None:
    """What is measured in it keeps its own unit."""
    found = scales(customers(tmp_path, CUSTOMERS + TEMPERING))

    assert found["tempering_Leistung"] is None
    assert found["tempering_probe_mean"] == 1.0


def test_a_counter_called_visits_is_no_state(tmp_path: Path) -> None:
    """A profile without states has its gauges compared over whole days."""
    features = DailyFeatures(customers(tmp_path).daily)

    assert {one.of for one in features.columns} >= {"user_visits", "probe_mean_mean", "Leistung_on_mean"}


def test_a_customers_profile_has_words_for_everything(tmp_path: Path) -> None:
    """Where it has no title its own names stand; what lacks one can be asked for."""
    profile = customers(tmp_path, CUSTOMERS + TEMPERING)
    every = [*load_profiles().values(), profile]

    titles = feature_titles(every)

    assert {one.name for one in profile.daily_features} <= {*titles}
    assert titles["热水温度_max"] == {"en": "highest hot water temperature", "zh": "最高热水温度"}
    assert titles["tempering_Leistung"] == {"en": "Leistung tempering", "zh": "temperingLeistung"}
    assert without_words(profile, every) == ["probe_mean", "Leistung", "user_visits", "phase", "tempering"]


def test_a_signal_called_load_is_not_what_runs_are_read_from(tmp_path: Path) -> None:
    """Where several signals show runs, what they are read from has a name that no signal has."""
    two = "cycle: { signal: [Leistung, probe_mean], above: [9, 40] }"
    text = CUSTOMERS.replace("cycle: { signal: Leistung }", two).replace("phase:", "load:")
    profile = customers(tmp_path, text)

    lane = Lane(profile, lateness_ms=0)

    assert profile.load == "load_"
    assert lane.feature_names == tuple(one.name for one in profile.daily_features)
    assert {"load_mean", "load__mean"} <= {*lane.feature_names}


@pytest.mark.parametrize("name", sorted(PROFILES))
def test_a_lane_has_the_features_of_its_profile(name: str) -> None:
    """One list, in the order in which the kernels write them."""
    profile = PROFILES[name]

    assert Lane(profile, lateness_ms=0).feature_names == tuple(one.name for one in profile.daily_features)


def test_two_numbers_of_one_name_are_refused(tmp_path: Path) -> None:
    """Rules could not tell them apart."""
    twice = CUSTOMERS.replace("user_visits", "probe_mean_max")

    with pytest.raises(Exception, match="two daily numbers the name probe_mean_max"):
        customers(tmp_path, twice)


def calls_on_text(source: str) -> Iterator[str]:
    """Methods that take names apart, and words that are looked for within a name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Attribute) and node.attr in TAKE_APART:
            yield node.attr
        if isinstance(node, ast.Compare) and any(isinstance(one, ast.In) for one in node.ops):
            yield from (
                ast.unparse(one) for one in node.comparators if ast.unparse(one) in ("name", "feature")
            )


TAKE_APART = ("startswith", "endswith", "removesuffix", "removeprefix", "partition", "rpartition")
ROOMS = ("models", "foremend/engine", "foremend/vocabulary/catalogue")
OF_VERSIONS = "models/registry/registry.py"


def test_nothing_is_read_out_of_a_name() -> None:
    """Models, engine and words take what they need from a feature's attributes; only versions have numbers in them."""
    files = [file for room in ROOMS for file in (ROOT / room).rglob("*.py")]
    found: dict[str, list[Any]] = {
        str(file.relative_to(ROOT)): list(calls_on_text(file.read_text("utf-8"))) for file in files
    }

    assert {name: calls for name, calls in found.items() if calls} == {OF_VERSIONS: ["removeprefix"]}


def test_taking_a_name_apart_would_be_found() -> None:
    """The search is no search for nothing."""
    source = 'x = name.startswith("cooling_") or "temp" in name'

    assert {*calls_on_text(source)} == {"startswith", "name"}
