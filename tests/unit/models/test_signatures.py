"""Faults named by their physics: what moves, which way, and what must not move with it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foremend.engine.lane import deviations
from foremend.vocabulary.catalogue import load_catalogue
from foremend.vocabulary.features import Deviation, Kind
from foremend.vocabulary.profiles import Profile, load_profiles
from models.predictors.numbers import Numbers, written
from models.predictors.signatures import ASKED_LESS, UNKNOWN, Signatures

SIGNATURES = [
    (profile.name, fault)
    for profile in load_profiles().values()
    for fault in profile.faults
    if load_catalogue()[fault].signature
]


def predictor_of(profile: Profile) -> Signatures:
    catalogue = load_catalogue()
    faults = profile.faults or (UNKNOWN,)
    known = {fault: catalogue[fault].signature for fault in faults}
    by_use = profile.cycle is None or bool(profile.cycle.above)
    columns, features, alike = deviations(profile), profile.daily_features, profile.counterparts
    return Signatures(known, columns, features, names_alone=by_use, alike=alike)


def measured(profile: Profile, wanted: Iterable[str]) -> list[str]:
    return Numbers(list(wanted), deviations(profile), profile.daily_features, {}).names


BOTH = (Kind.OWN, Kind.SIBLINGS)


def day(
    profile: Profile, moved: dict[str, float], unknown: set[str] | None = None, kinds: Sequence[Kind] = BOTH
) -> np.ndarray:
    """One row of deviations in which `moved` moved, nothing else did, and what `unknown` names is not known."""
    keys = {one.name: written(one) for one in profile.daily_features}
    columns = deviations(profile)
    row = [moved.get(keys.get(one.of, ""), 0.0) if one.kind in kinds else 0.0 for one in columns]
    gone = [keys.get(one.of, "") in (unknown or set()) for one in columns]
    return np.where(gone, np.nan, row)[None]


def said(profile: Profile, row: np.ndarray) -> dict[str, float]:
    one = predictor_of(profile)
    found = one.predict(np.zeros(1, np.int32), np.zeros(1, np.int64), row, np.zeros(row.shape[1]))
    return dict(zip(found.faults, found.probability[0].tolist(), strict=True))


@pytest.mark.parametrize(("model", "fault"), SIGNATURES)
def test_every_fault_is_named_by_its_own_signature(model: str, fault: str) -> None:
    """A day that shows just what the catalogue says is named so, unless another fault shows the very same."""
    profile = load_profiles()[model]
    way = next((w for w in load_catalogue()[fault].signature if next(iter(w)) in measured(profile, w)), None)
    assert way is not None, f"{model} measures nothing that {fault} must show"

    found = said(profile, day(profile, dict(way)))

    assert max(found, key=lambda name: found[name]) == fault


@pytest.mark.parametrize("model", sorted({model for model, _ in SIGNATURES}))
def test_a_day_like_others_is_no_fault(model: str) -> None:
    """Where nothing moved, no fault is likely, and nothing else is wrong either."""
    profile = load_profiles()[model]

    found = said(profile, day(profile, {}))

    assert max(found.values()) < 0.05


@given(st.floats(1.0, 30.0))
def test_a_leak_that_grows_on_keeps_its_name(times: float) -> None:
    """However far its numbers go, they go the same way."""
    profile = load_profiles()["rf-260"]
    leak = load_catalogue()["refrigerant-leak"].signature[0]

    found = said(profile, day(profile, {what: times**0.5 * size for what, size in leak.items()}))

    assert found["refrigerant-leak"] > 0.85


@pytest.mark.parametrize("kind", BOTH)
def test_a_season_is_no_fault(kind: Kind) -> None:
    """It moves all alike, or all but one in a cellar: who is ill departs from itself and from the others."""
    profile = load_profiles()["generic-compressor"]
    gasket = dict(load_catalogue()["door-gasket-leak"].signature[0])

    season = said(profile, day(profile, gasket, kinds=(kind,)))

    assert season[UNKNOWN] < 0.05
    assert said(profile, day(profile, gasket))[UNKNOWN] > 0.85


def test_people_who_are_away_ask_less_and_nothing_is_wrong() -> None:
    """Shorter runs and longer pauses at the same power are a cool room, or nobody who opens the door."""
    for model in ("rf-260", "generic-compressor"):
        profile = load_profiles()[model]

        found = said(profile, day(profile, dict(ASKED_LESS)))

        assert max(found.values()) < 0.2


def test_what_a_fault_cannot_do_without_must_be_known() -> None:
    """A drain is not called blocked by an air conditioner that has no float switch to tell it."""
    profile = load_profiles()["ac-35i"]
    first = next(iter(load_catalogue()["drain-blockage"].signature[0]))
    told = day(profile, {first: 0.3})

    without = said(profile, np.where(np.isnan(day(profile, {}, {first})), np.nan, told))

    assert said(profile, told)["drain-blockage"] > 0.85
    assert without["drain-blockage"] == 0.0


def test_a_fault_explains_what_it_does_and_not_what_goes_the_other_way() -> None:
    """Less power and longer runs are explained by a leak, not by a dusty condenser, and a usual day by nothing."""
    profile = load_profiles()["rf-260"]
    one, leak = predictor_of(profile), load_catalogue()["refrigerant-leak"].signature[0]
    days = np.vstack([day(profile, dict(leak)), day(profile, {}), day(profile, dict(leak), {"run_mean_s"})])

    explained = one.explains(days, np.zeros(days.shape[1]))

    assert explained[:, one.faults.index("refrigerant-leak")].tolist() == [True, False, False]
    assert not explained[:, one.faults.index("condenser-fouling")].any()


def test_a_fault_is_named_in_winter_as_in_summer() -> None:
    """While heating, a fouled outdoor coil is colder than the air by more; no day of cooling is needed to name it."""
    profile = load_profiles()["ac-35f"]
    summer = dict(load_catalogue()["outdoor-coil-fouling"].signature[0])
    turned = {key: -1 if key.startswith("outdoor_coil_temp - outdoor_temp") else 1 for key in summer}
    winter = {key.replace("cooling", "heating"): size * turned[key] for key, size in summer.items()}

    found = said(profile, day(profile, winter, set(summer)))

    assert found["outdoor-coil-fouling"] > 0.85


def test_current_that_rises_with_power_is_heat_and_more_of_it_is_a_weak_capacitor() -> None:
    """The power factor tells them apart: a hot week is neither named so, nor believed to be so of a trained model."""
    profile = load_profiles()["ac-35f"]
    weak = "run-capacitor-degradation"
    hot = day(profile, {"current while cooling": 0.12, "power while cooling": 0.12})
    worn = day(profile, {"current while cooling": 0.12, "power while cooling": 0.06})

    explains = predictor_of(profile).explains(np.vstack([hot, worn]), np.zeros(hot.shape[1]))

    assert said(profile, hot)[weak] < 0.05
    assert said(profile, worn)[weak] > 0.85
    assert explains[:, predictor_of(profile).faults.index(weak)].tolist() == [False, True]


def test_a_ratio_is_seen_while_heating_too() -> None:
    """Both its parts stand for those of cooling, where nothing cools."""
    profile = load_profiles()["ac-35f"]
    cooling = {"current while cooling", "power while cooling"}
    winter = day(profile, {"current while heating": 0.15, "power while heating": 0.08}, unknown=cooling)

    assert said(profile, winter)["run-capacitor-degradation"] > 0.85


def test_what_no_signature_knows_is_told_without_a_name() -> None:
    """A plug on an old freezer: the machine runs twice as long at the same power, and nobody knows why."""
    profile = load_profiles()["generic-compressor"]

    found = said(profile, day(profile, {"duty": 0.3, "run_mean_s": 0.9, "power on_mean": 0.2}))

    assert found == {UNKNOWN: pytest.approx(1.0, abs=0.1)}


def test_days_that_vary_much_must_move_further() -> None:
    """Half a kelvin is much of a quiet machine, and nothing of one whose days differ by three."""
    profile = load_profiles()["rf-260"]
    row = day(profile, {"inrush_peak": 0.3, "starts_per_hour": 0.3, "compressor_starts": 0.4})
    one, restless = predictor_of(profile), np.full(row.shape[1], 2.0)

    found = one.predict(np.zeros(1, np.int32), np.zeros(1, np.int64), row, restless)

    assert said(profile, row)["start-relay-failure"] > 0.85
    assert found.probability.max() < 0.05


def test_a_day_of_which_nothing_is_known_says_nothing() -> None:
    """A row of unknown numbers has probability 0 for everything."""
    profile = load_profiles()["rf-260"]

    found = said(profile, np.full((1, len(deviations(profile))), np.nan))

    assert set(found.values()) == {0.0}


def test_what_speaks_for_a_fault_is_shown_with_it() -> None:
    """A leak's drivers are what its signature moves; those of what has no name are what moved most."""
    profile = load_profiles()["rf-260"]
    one, columns = predictor_of(profile), deviations(profile)
    row = day(profile, {"run_mean_s": 1.0, "duty": 0.3, "power while cooling": -0.2})[0]

    leak = one.drivers(row, one.faults.index("refrigerant-leak"))
    odd = one.drivers(row, one.faults.index(UNKNOWN))

    expected = {Deviation(Kind.SIBLINGS, name) for name in ("run_mean_s", "duty", "cooling_power")}
    assert {columns[k] for k in leak} == expected
    assert {columns[k] for k in odd} == expected


def test_a_compressor_that_turns_faster_and_works_less_has_worn_valves() -> None:
    """No sensor of a coil or of the discharge is needed: weather and use raise or lower speed and power together."""
    profile = load_profiles()["ac-35i"]
    speed, power, module = (
        f"{what} while cooling" for what in ("compressor_speed", "power", "module_temp - outdoor_temp")
    )
    sent = {speed, power, module}
    not_sent = {written(one) for one in profile.daily_features} - sent

    def valves(**moved: float) -> float:
        row = day(profile, {speed: moved["speed"], power: moved["power"], module: moved["module"]}, not_sent)
        return said(profile, row)["compressor-valve-wear"]

    assert valves(speed=0.13, power=-0.35, module=-2.0) > 0.85
    assert valves(speed=0.3, power=0.4, module=4.0) < 0.05  # a hot week
    assert valves(speed=-0.3, power=-0.4, module=-4.0) < 0.05  # a cool one


def test_an_inlet_that_fills_for_longer_is_clogged_unless_it_is_more_water() -> None:
    """Without a sensor of the level, how long it fills tells; with one, how fast the water rises must agree."""
    profile = load_profiles()["wm-7"]
    time, rate = "visit_mean_s while filling", "water_level rate while filling"
    longer = {time: 0.9}

    assert said(profile, day(profile, longer, {rate}))["inlet-valve-clog"] > 0.85
    assert said(profile, day(profile, longer | {rate: -0.9}))["inlet-valve-clog"] > 0.85
    assert said(profile, day(profile, {time: 0.3}))["inlet-valve-clog"] < 0.05  # a third more


@pytest.mark.parametrize("unknown", [set(), {"water_temp rate while heating"}])
def test_a_heater_whose_limiter_cycles_is_scaled(unknown: set[str]) -> None:
    """It takes less power in the mean, whether or not anybody sees how fast the water warms."""
    profile = load_profiles()["wm-7"]
    cycles = {"power while heating": -0.25, "water_temp rate while heating": -0.25}

    assert said(profile, day(profile, cycles, unknown))["heater-scale"] > 0.85


def test_an_inverter_that_works_harder_unseen_is_well_and_a_dirty_coil_is_still_one() -> None:
    """In a hot week both coils and the module are farther from the air, at far more power; dirt moves one coil."""
    profile = load_profiles()["ac-35i"]
    power, coil, indoor, module, gas = (
        f"{what} while cooling"
        for what in (
            "power",
            "outdoor_coil_temp - outdoor_temp",
            "indoor_coil_temp - room_temp",
            "module_temp - outdoor_temp",
            "discharge_temp - outdoor_coil_temp",
        )
    )
    not_sent = {written(one) for one in profile.daily_features} - {power, coil, indoor, module, gas}
    hot = {power: 0.4, coil: 2.2, indoor: -2.0, module: 3.0, gas: 2.5}
    dirty = {power: 0.12, coil: 4.0, gas: 2.0}
    days = np.vstack([day(profile, moved, not_sent) for moved in (hot, dirty)])
    one, hidden = predictor_of(profile), np.ones(2, np.bool_)
    of, spread = one.faults.index("outdoor-coil-fouling"), np.zeros(days.shape[1])

    found = one.predict(np.zeros(2, np.int32), np.arange(2), days, spread, hidden).probability[:, of]
    believed = one.explains(days, spread, hidden)[:, of]

    assert found[0] < 0.05
    assert found[1] > 0.85
    assert believed.tolist() == [False, True]


def test_who_sends_how_fast_it_turns_needs_no_such_excuse() -> None:
    """At a speed that is as ever, more power and a hotter coil are no hot week."""
    profile = load_profiles()["ac-35i"]
    power, coil = "power while cooling", "outdoor_coil_temp - outdoor_temp while cooling"
    row = day(profile, {power: 0.2, coil: 3.0})

    assert said(profile, row)["outdoor-coil-fouling"] > 0.85
