"""From the readings of simulated appliances to signs of life, and to a silence that is noticed."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import numpy as np
import pytest

from foremend.vocabulary.wellbeing import Level
from models.wellbeing import judged, signs_of_life
from simulators.categories import physics_of
from simulators.figures.twins import Setting, healthy

SHANGHAI = ZoneInfo("Asia/Shanghai")
HOUR = 3_600_000_000
KITCHENS = Setting(count=2, days=25)
MODELS = ("rf-260", "mw-700", "wm-7")


@pytest.fixture(scope="module")
def kitchens() -> list[np.ndarray]:
    """Signs of life of two homes, of their refrigerator, microwave oven and washing machine together."""
    of_model = [shown(model) for model in MODELS]
    return [np.unique(np.concatenate(together)) for together in zip(*of_model, strict=True)]


def shown(model: str, *left_out: str) -> list[np.ndarray]:
    """Signs of each of the appliances of `model`, from all they send but what is `left_out`."""
    physics, signals = physics_of(model), healthy(model, KITCHENS)
    n = signals["power"].shape[1]
    times = KITCHENS.start_ms * 1_000 + np.arange(1, n + 1) * physics.sample_s * 1_000_000
    sent = {name: values for name, values in signals.items() if name not in left_out}
    homes = [{name: values[row] for name, values in sent.items()} for row in range(KITCHENS.count)]
    return [signs_of_life(times, mine, physics.category) for mine in homes]


def test_a_compressor_at_work_is_no_sign_of_life() -> None:
    """A refrigerator without a door switch says nothing of its people, however often it starts."""
    assert [len(signs) for signs in shown("rf-260", "door_openings")] == [0] * KITCHENS.count


@pytest.mark.parametrize("model", ["mw-700", "wm-7"])
def test_power_alone_shows_most_of_what_a_machine_is_used_for(model: str) -> None:
    """Behind a plug that knows nothing but power."""
    whole, plug = shown(model), shown(model, "door_openings", "programme_phase")

    for all_signs, by_power in zip(whole, plug, strict=True):
        days = (len(np.unique(signs // (24 * HOUR))) for signs in (by_power, all_signs))
        assert next(days) > 0.8 * next(days) > 0


def test_a_kitchen_that_stays_dark_is_noticed_next_day(kitchens: list[np.ndarray]) -> None:
    """In the evening of the 24th day the last thing is done; nothing in the night, all told by the evening after."""
    midnight = KITCHENS.start_ms * 1_000 + (23 * 24 - 8) * HOUR
    for signs in kitchens:
        until = signs[signs < midnight + 21 * HOUR]

        told = [judged(until, midnight + hour * HOUR, SHANGHAI) for hour in (21, 24 + 3, 24 + 20)]

        assert told[:2] == [None, None]
        assert told[2] is not None
        assert told[2].level in (Level.CALL, Level.GO)
        assert told[2].last_sign == until[-1]
