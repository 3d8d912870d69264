"""A trained model stays in use as long as what it was trained from would give the same model."""

from __future__ import annotations

from typing import Any

import pytest

from foremend.learning.training import recipe_of
from foremend.vocabulary.profiles import Profile, load_profiles
from models.costs import CostsSettings
from models.settings import ModelsSettings

PROFILE = load_profiles()["ac-35i"]
OTHER = {"en": "Other words", "zh": "别的说法"}


def with_change(*keys: str, value: Any) -> Profile:
    """The profile with `value` at `keys`."""
    told = PROFILE.model_dump()
    place = told
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    return Profile.model_validate(told)


@pytest.mark.parametrize(
    "keys", [("title",), ("signals", "power", "title"), ("states", "named", "cooling", "title")]
)
def test_a_title_changes_no_recipe(keys: tuple[str, ...]) -> None:
    """What people read decides nothing: a better word trains no model anew."""
    assert recipe_of(with_change(*keys, value=OTHER), ModelsSettings()) == recipe_of(
        PROFILE, ModelsSettings()
    )


@pytest.mark.parametrize(
    ("keys", "value"),
    [
        (("signals", "power", "unit"), "kW"),
        (("signals", "outdoor_temp", "typical"), 15.0),
        (("signals", "room_temp", "role"), "weather"),
        (("states", "named", "cooling", "explained_by"), ()),
    ],
)
def test_what_decides_a_model_changes_its_recipe(keys: tuple[str, ...], value: Any) -> None:
    """Units, roles, and what explains what."""
    assert recipe_of(with_change(*keys, value=value), ModelsSettings()) != recipe_of(
        PROFILE, ModelsSettings()
    )


def test_what_it_costs_to_be_wrong_decides_nothing() -> None:
    """Whoever writes down what a visit costs trains nothing anew."""
    dear = ModelsSettings(costs=CostsSettings(currency="EUR", visit=90, missed=300))

    assert recipe_of(PROFILE, dear) == recipe_of(PROFILE, ModelsSettings())
