"""Signatures speak where a trained model is blind, and are silent where it sees everything."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from foremend.config import load_settings
from foremend.engine.engine import Engine
from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Block, Finding, Prediction
from models.predictors.signatures import UNKNOWN
from rules.evaluator import RuleBook

DAYS, ONSET, EVERY = 45, 22, 4
START = 20_000 * MS_PER_DAY
FRIDGES = 6
ILL = 2
ALL = ("current", "freezer_temp", "evaporator_temp", "ambient_temp", "set_point", "mode", "cabinet_temp")


class Quiet:
    """A model that is trained, and foresees nothing."""

    faults = ("refrigerant-leak",)

    def score(self, appliance: np.ndarray, time: np.ndarray, features: np.ndarray) -> Prediction:
        nothing, unknown = np.zeros((len(time), 1)), np.full((len(time), 1), np.nan)
        return Prediction(self.faults, 90.0, appliance, time, nothing, unknown, unknown, unknown)

    def drivers(self, features: np.ndarray, fault: int, most: int = 3) -> np.ndarray:
        return np.array([0], np.int64)


class Sure(Quiet):
    """A model that is sure of one fault, right or wrong, once it is far gone."""

    def __init__(self, fault: str) -> None:
        self.faults = (fault,)

    def score(self, appliance: np.ndarray, time: np.ndarray, features: np.ndarray) -> Prediction:
        nothing = super().score(appliance, time, features)
        gone = (appliance == ILL) & (time > START + (ONSET + 12) * MS_PER_DAY)
        return replace(nothing, probability=np.where(gone, 0.95, 0.0)[:, None])


@cache
def readings(leaks: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(appliance, time, power) of six refrigerators; one runs ever longer at less power, as one that loses charge."""
    rng, minutes = np.random.default_rng(4), np.arange(0, DAYS * 1440, EVERY)
    rows = []
    for fridge in range(FRIDGES):
        day = minutes / 1440
        grown = np.clip((day - ONSET) / 20, 0.0, 1.0) * (leaks and fridge == ILL)
        on, off, at = (18 + fridge) * (1 + 2 * grown), 34.0, 0.0
        power = np.full(len(minutes), 2.0)
        while at < minutes[-1]:
            k = int(at / EVERY)
            run = on[k] * rng.normal(1.0, 0.05)
            power[k : int((at + run) / EVERY)] = 90.0 * (1 - 0.25 * grown[k])
            at += run + off * rng.normal(1.0, 0.05)
        rows.append(power * rng.normal(1.0, 0.01, len(power)))
    time = np.tile(START + minutes * 60_000, FRIDGES)
    order = np.argsort(time, kind="stable")
    return (
        np.repeat(np.arange(FRIDGES, dtype=np.int32), len(minutes))[order],
        time[order],
        np.concatenate(rows)[order],
    )


def found(model: str, also: Sequence[str], fitted: FittedModel | None, leaks: bool = True) -> list[Finding]:
    """Findings above info of the shipped rules; `also`: signals that are sent besides power, and say nothing."""
    profile, settings = load_profiles()[model], load_settings()
    engine = Engine(
        {model: profile}, RuleBook(settings.rules), {model: fitted} if fitted else {}, lateness_ms=0
    )
    appliance, time, power = readings(leaks)
    steady = {name: np.full(len(power), 4.0) for name in also}
    if "mode" in also:
        steady["mode"] = (power > 20).astype(float)
    ids = tuple(f"{model}-{k}" for k in range(FRIDGES))
    block = Block(model, ids, appliance, time, np.full(len(time), -1), {"power": power, **steady})
    told = [*engine.process(block), *engine.flush()]
    return [one for one in told if one.severity != "info"]


@pytest.fixture(scope="module")
def quiet() -> FittedModel:
    return FittedModel("v1", deviation_names(load_profiles()["rf-260"]), (), Quiet())


def test_a_refrigerator_that_sends_power_alone_is_told_what_ails_it(quiet: FittedModel) -> None:
    """Its model practised with more signals and foresees nothing; its runs and its power say a leak."""
    told = found("rf-260", (), quiet)

    assert {(one.appliance_id, one.fault) for one in told} == {(f"rf-260-{ILL}", "refrigerant-leak")}
    assert all({e.feature for e in one.evidence} >= {"run_mean_s", "duty"} for one in told if one.evidence)


def test_a_plain_signature_excludes_what_a_blind_model_takes_it_for(quiet: FittedModel) -> None:
    """Less power and longer runs are no dusty condenser, however sure a model is that lacks its sensors."""
    told = found("rf-260", (), replace(quiet, predictor=Sure("condenser-fouling")))

    assert {one.fault for one in told} == {"refrigerant-leak"}


@pytest.mark.parametrize(
    ("fault", "told"),
    [("refrigerant-leak", True), ("condenser-fouling", False), ("not-in-the-catalogue", True)],
)
def test_practice_is_believed_where_the_physics_can_be_seen(
    fault: str, told: bool, quiet: FittedModel
) -> None:
    """A model that has all its signals is not believed when it calls a leak, at less power, a dusty condenser."""
    said = found("rf-260", ALL, replace(quiet, predictor=Sure(fault)))

    assert {one.fault for one in said} == ({fault} if told else set())


def test_what_outcomes_taught_needs_no_physics(quiet: FittedModel) -> None:
    """A fleet whose leaks were confirmed as dusty condensers has other condensers than the catalogue."""
    fault = "condenser-fouling"

    said = found("rf-260", ALL, replace(quiet, predictor=Sure(fault), taught=frozenset({fault})))

    assert {one.fault for one in said} == {fault}


def test_a_plug_that_nobody_trained_for_says_that_something_is_wrong() -> None:
    """Not what: a plug may sit on anything."""
    told = found("generic-compressor", (), None)

    assert {(one.appliance_id, one.fault) for one in told} == {(f"generic-compressor-{ILL}", UNKNOWN)}


def test_a_model_that_has_all_its_signals_is_believed(quiet: FittedModel) -> None:
    """It has practised with days like these; the catalogue does not talk into it."""
    assert found("rf-260", ALL, quiet) == []


def test_what_a_fleets_own_outcomes_taught_is_left_to_the_model_that_learnt_it(quiet: FittedModel) -> None:
    """It knows which signals these appliances lack; of faults that no outcome taught the catalogue still speaks."""
    leaks, others = (
        replace(quiet, taught=frozenset({fault})) for fault in ("refrigerant-leak", "start-relay-failure")
    )

    assert found("rf-260", (), leaks) == []
    assert {one.fault for one in found("rf-260", (), others)} == {"refrigerant-leak"}


@pytest.mark.parametrize("model", ["rf-260", "generic-compressor"])
def test_a_well_fleet_is_left_alone(model: str, quiet: FittedModel) -> None:
    """Forty-five days of six refrigerators that differ from one another, and do not change."""
    assert found(model, (), quiet if model == "rf-260" else None, leaks=False) == []
