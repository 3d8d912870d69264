"""What the daily features of bundled appliance models are, and what becomes of them, held by files under `golden/`.

A line is one daily feature: its unit, state and role, how it is compared, what may explain it, which feature of another
state goes with it, and its deviations on the last of some made-up days.
`python -m tests.unit.vocabulary.test_feature_schema` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from foremend.vocabulary.profiles import Profile, load_profiles
from models.usual.features import KINDS, DailyFeatures

GOLDEN = Path(__file__).parent / "golden"
PROFILES = load_profiles()
LIKE = {
    "rf-140": "rf-260",
    "rf-520": "rf-260",
    "ac-72i": "ac-35i",
    "ac-26f": "ac-35f",
    "wm-10": "wm-7",
    "wh-100": "wh-60",
    "mw-900": "mw-700",
}
"""Appliance models that differ in their rated numbers alone."""
DISTINCT = sorted({*PROFILES} - {*LIKE})
FLEET, DAYS = 8, 40
TOLD = 4  # appliances whose last day is written down


def daily_features(profile: Profile) -> DailyFeatures:
    return DailyFeatures(profile.daily)


def schema(profile: Profile) -> list[dict[str, Any]]:
    """One mapping for each daily feature, in their order."""
    features, alike = daily_features(profile), profile.counterparts
    judged = {features.base_names[k]: one for k, one in _judged(features)}
    return [
        {"feature": one.name, "unit": one.unit, "state": one.state, "role": one.role}
        | judged.get(one.name, {})
        | ({"goes_with": [*alike[one.name]]} if one.name in alike else {})
        for one in profile.daily_features
    ]


def _judged(features: DailyFeatures) -> Iterator[tuple[int, dict[str, Any]]]:
    """Of the features that are compared: their index, and what is done with them."""
    for part in features._parts:
        conditions = part._conditions
        told = [[one.feature.name, one.typical, one.spread] for one in conditions.explaining]
        for k, column in enumerate(conditions.columns.tolist()):
            mask = conditions.masks[:, k]
            difference = bool(features._is_difference[column])
            yield (
                int(features._chosen[column]),
                {
                    "compared": f"in {features._unit[column]:g}" if difference else "ratio",
                    "conditions": told,
                    "explained_by": np.packbits(mask).tobytes().hex(),
                    "heating": conditions.direction is not None,
                },
            )


def lived(features: DailyFeatures) -> NDArray[np.float64]:
    """The last of many made-up days: noise, a drift, days off, and values that nobody told."""
    luck, rows = np.random.default_rng(13), np.arange(FLEET, dtype=np.int32)
    width = len(features.base_names)
    level, individual = luck.uniform(0.5, 60, width), luck.normal(1, 0.1, (FLEET, width))
    for day in range(DAYS):
        values = level * individual * np.exp(luck.normal(0, 0.1, (FLEET, width)) + 0.1 * np.sin(day / 5))
        values[0] *= 1 + 0.2 * max(day - 25, 0)
        values[luck.random(values.shape) < 0.05] = np.nan
        values[1] *= -1 if day % 7 == 0 else 1
        last = features.update(rows, day, values)
    return last


def written(profile: Profile) -> list[dict[str, Any]]:
    """The schema with each feature's deviations, and the shapes behind."""
    features = daily_features(profile)
    last = dict(zip(features.names, lived(features)[:TOLD].astype(np.float32).T, strict=True))
    lines = [
        one | {kind: _texts(last[f"{kind}.{one['feature']}"]) for kind in KINDS if "compared" in one}
        for one in schema(profile)
    ]
    return [*lines, *({"shape": name, "is": _texts(last[name])} for name in features.names[-2:])]


def _texts(values: NDArray[np.float32]) -> list[str]:
    """Every digit of single precision."""
    return [f"{value:.9g}" for value in values.tolist()]


def read(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (GOLDEN / f"{name}.jsonl").read_text("utf-8").splitlines()]


def numbers(lines: list[dict[str, Any]]) -> NDArray[np.float64]:
    """(lines with numbers, kinds x appliances)"""
    keys = (*KINDS, "is")
    return np.array([[float(v) for v in one[key]] for one in lines for key in keys if key in one])


def described(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines without their numbers."""
    return [{key: value for key, value in one.items() if key not in (*KINDS, "is")} for one in lines]


@pytest.mark.parametrize("name", DISTINCT)
def test_a_bundled_appliance_model_has_the_features_it_had(name: str) -> None:
    """Names and order, how each is compared, by what it may be explained, and what goes with it in another state."""
    assert described(written(PROFILES[name])) == described(read(name))


@pytest.mark.parametrize("name", DISTINCT)
def test_what_becomes_of_a_day_is_what_became_of_it(name: str) -> None:
    """Deviations of made-up days; the tolerance is for other processors, whose sums differ in the last digit."""
    found, before = (numbers(lines) for lines in (written(PROFILES[name]), read(name)))

    np.testing.assert_allclose(found, before, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", sorted(LIKE))
def test_siblings_of_one_base_have_the_same_features(name: str) -> None:
    """A larger refrigerator is followed like a smaller one."""
    assert schema(PROFILES[name]) == schema(PROFILES[LIKE[name]])


def write_anew() -> None:
    for name in DISTINCT:
        lines = [json.dumps(one, ensure_ascii=False) + "\n" for one in written(PROFILES[name])]
        (GOLDEN / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")


if __name__ == "__main__":
    write_anew()
