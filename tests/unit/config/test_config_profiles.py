"""Profiles: appliance models laid over the base of their category."""

from __future__ import annotations

from pathlib import Path

import pytest

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles

BASE = """
category: toaster
signals:
  power: {unit: W, min: 0, max: 2000}
  slots: {unit: count, min: 0, max: 4, kind: counter}
faults: [burnt-element]
"""
MODEL = "name: t-1\nextends: toaster\ntitle: {en: Toaster, zh: 烤面包机}\n"


def folder_with(folder: Path, model: str, name: str = "t-1") -> Path:
    (folder / "base").mkdir(exist_ok=True)
    (folder / "base" / "toaster.yaml").write_text(BASE)
    (folder / f"{name}.yaml").write_text(model, encoding="utf-8")
    return folder


def complaint(folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        load_profiles([folder])
    return str(caught.value)


def test_bundled_profiles_load() -> None:
    """Every profile that Foremend ships is valid, and the generic one needs only power or only current."""
    generic = load_profiles()["generic-compressor"]

    assert generic.category == "generic"
    assert generic.cycle is not None
    assert generic.cycle.signal == ("power", "current")
    assert generic.units["compressor_starts"] == "count"


def test_a_model_is_laid_over_its_base(tmp_path: Path) -> None:
    """What the model says replaces key by key, null removes, the rest is inherited."""
    model = MODEL + "signals: {power: {max: 900}, slots: null}\n"

    profile = load_profiles([folder_with(tmp_path, model)])["t-1"]

    assert profile.category == "toaster"
    assert profile.faults == ("burnt-element",)
    assert (profile.signals["power"].max, profile.signals["power"].unit) == (900, "W")
    assert "slots" not in profile.signals


def test_a_base_is_laid_over_the_one_it_extends(tmp_path: Path) -> None:
    """A kind of toaster without slots has all else that toasters have, and so have its models."""
    folder_with(tmp_path, MODEL.replace("toaster", "grill"))
    (tmp_path / "base" / "grill.yaml").write_text("extends: toaster\nsignals: {slots: null}\n")

    profile = load_profiles([tmp_path])["t-1"]

    assert (profile.category, [*profile.signals]) == ("toaster", ["power"])


def test_a_base_that_extends_itself_is_refused(tmp_path: Path) -> None:
    """The sentence shows the way round."""
    folder_with(tmp_path, MODEL.replace("toaster", "grill"))
    (tmp_path / "base" / "grill.yaml").write_text("extends: oven\n")
    (tmp_path / "base" / "oven.yaml").write_text("extends: grill\n")

    assert "'grill' extends itself: grill > oven > grill" in complaint(tmp_path)


def test_a_folder_replaces_a_bundled_profile(tmp_path: Path) -> None:
    """A company can correct a profile without touching the package."""
    text = "name: generic-compressor\ncategory: generic\ntitle: {en: Ours, zh: 我们的}\n"
    (tmp_path / "generic-compressor.yaml").write_text(
        text + "signals: {power: {unit: W, min: 0, max: 9}}", "utf-8"
    )

    assert load_profiles([tmp_path])["generic-compressor"].title.en == "Ours"


@pytest.mark.parametrize(
    ("model", "sentence"),
    [
        (MODEL + "cycle: {signal: current}", "cycle.signal current is not among signals: power, slots"),
        (
            MODEL + "cycle: {signal: [slots, power]}",
            "cycle.signal: write one, or power in W and current in A, or",
        ),
        (MODEL + "cycle: {signal: power, above: [1, 2]}", "cycle: above: write a value for each of power"),
        (MODEL + "signals: {power: {min: 5000}}", "signals.power: min 5000 must be below max 2000"),
        (MODEL + "signals: {power: {unti: W}}", "signals.power: unknown key 'unti': did you mean 'unit'?"),
        (MODEL + "signals: {power: {role: weather}}", "signals.power: role weather: write its typical value"),
        (MODEL + "signals: {power: {typical: 3}}", "signals.power: typical: only what explains has it"),
        (
            MODEL + "signals: {power: {role: habit}}",
            "signals.power.role: Input should be 'weather', 'imposed'",
        ),
        (
            MODEL + "cycle: {signal: power, starts: toasts}",
            "cycle.starts: toasts is no counter among signals",
        ),
        (
            MODEL + "states: {signal: power, named: {hot: {code: 1, explained_by: [slots]}}}",
            "states: explained_by: slots: write a counter with a role",
        ),
        (MODEL.replace("t-1", "t-2"), "name: 't-2' must be the file's own name, 't-1'"),
        (MODEL.replace("toaster", "kettle"), "extends: there is no base profile 'kettle'"),
    ],
)
def test_a_wrong_profile_is_refused_with_a_sentence(tmp_path: Path, model: str, sentence: str) -> None:
    """The sentence names the file, the key and what is wrong."""
    said = complaint(folder_with(tmp_path, model))

    assert sentence in said
    assert str(tmp_path / "t-1.yaml") in said


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    """A typing mistake in profiles.folders does not silently leave profiles out."""
    assert "none is not a folder" in complaint(tmp_path / "none")


@pytest.mark.parametrize("signal", ["slots", "steam"])
def test_only_gauges_can_be_watched(tmp_path: Path, signal: str) -> None:
    """A counter only rises, and what is not measured says nothing."""
    folder_with(tmp_path, MODEL + f"watch: {{rows: hours, signals: [{signal}]}}\n")

    assert f"watch.signals: {signal} is no gauge" in complaint(tmp_path)


def test_a_refrigerator_that_does_not_tell_its_mode_has_no_states(tmp_path: Path) -> None:
    """Its maker leaves both out, and it is watched as a whole."""
    text = (
        "name: old-1\nextends: refrigerator\ntitle: {en: Old, zh: 旧}\nsignals: {mode: null}\nstates: null\n"
    )
    (tmp_path / "old-1.yaml").write_text(text, encoding="utf-8")

    profile = load_profiles([tmp_path])["old-1"]

    assert profile.states is None
    assert "mode" not in profile.signals


def test_what_a_model_does_not_measure_explains_nothing(tmp_path: Path) -> None:
    """A refrigerator without a door switch stays valid; its runs are explained by what is left."""
    text = "name: old-1\nextends: refrigerator\ntitle: {en: Old, zh: 旧}\nsignals: {door_openings: null}\n"
    (tmp_path / "old-1.yaml").write_text(text, encoding="utf-8")

    daily = load_profiles([tmp_path])["old-1"].daily

    assert [one.feature.name for one in daily.explains("cooling")] == ["cooling_ambient_temp"]


def test_a_profile_says_which_counter_is_of_starts(tmp_path: Path) -> None:
    """Then starts are taken from the appliance, and the counter is no feature beside them."""
    model = MODEL + "cycle: {signal: power, starts: slots}\n"

    names = [one.name for one in load_profiles([folder_with(tmp_path, model)])["t-1"].daily_features]

    assert "compressor_starts" in names
    assert "slots" not in names
