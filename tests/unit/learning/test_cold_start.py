"""An appliance model that is new borrows what was learnt for another of its category, and says so by its doubt."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.engine.fitted import FittedModel
from foremend.engine.lane import deviation_names
from foremend.learning.cold_start import borrowed, borrowings
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import Prediction

PROFILES = load_profiles()


class Lender:
    """Says the same of every row, and remembers what it was shown."""

    faults = PROFILES["ac-35i"].faults

    def __init__(self) -> None:
        self.shown: NDArray[np.float64] = np.zeros(0)

    def score(self, appliance: Any, time: Any, features: NDArray[np.float64]) -> Prediction:
        self.shown = features
        days = np.full((len(features), len(self.faults)), 20.0)
        return Prediction(self.faults, 90.0, appliance, time, days / 40, days, days / 2, days * 2)


def lent(borrower: str) -> tuple[Prediction, Lender]:
    """What ac-35i's model says of one row of `borrower` whose columns are all 1."""
    lender = Lender()
    names = deviation_names(PROFILES["ac-35i"])
    fitted = borrowed(PROFILES[borrower], FittedModel("1", names, (), lender))
    row = np.ones((1, len(deviation_names(PROFILES[borrower]))))
    return fitted.predictor.score(np.zeros(1, np.int32), np.zeros(1, np.int64), row), lender


def test_only_faults_that_both_can_have_are_told() -> None:
    """A fixed-speed machine has no inverter board, and the lender knows nothing of its capacitor."""
    told, _ = lent("ac-26f")

    assert "inverter-board-overheating" not in told.faults
    assert "run-capacitor-degradation" not in told.faults
    assert "filter-clog" in told.faults
    assert told.probability.shape == (1, len(told.faults))


def test_what_only_the_lender_measures_counts_as_unknown() -> None:
    """A fixed-speed machine does not say how hot its inverter is."""
    _, lender = lent("ac-26f")
    names = deviation_names(PROFILES["ac-35i"])

    unknown = {name for name, value in zip(names, lender.shown[0], strict=True) if np.isnan(value)}

    assert any("module_temp" in name for name in unknown)
    assert not any("cooling_power" in name for name in unknown)


def test_a_borrowed_estimate_of_days_is_less_sure() -> None:
    """The middle stays, the interval is wider on both sides."""
    told, _ = lent("ac-72i")

    assert np.allclose(told.days_to_failure, 20)
    assert (told.days_low < 10).all()
    assert (told.days_low >= 0).all()
    assert (told.days_high > 40).all()


def test_a_model_of_another_category_is_never_borrowed() -> None:
    """A water heater learns nothing from an air conditioner."""
    found = borrowings(PROFILES, {"ac-35i": FittedModel("1", (), (), Lender())})

    assert set(found) == {"ac-26f", "ac-35f", "ac-72i"}


def test_the_lender_is_of_the_same_kind() -> None:
    """All air conditioners measure what a fixed-speed one does; the one that measures no more is one, too."""
    lenders = {name: FittedModel(name, (), (), Lender()) for name in ("ac-35i", "ac-35f")}

    found = borrowings(PROFILES, lenders)

    assert found["ac-26f"].version == "ac-35f (borrowed)"
    assert found["ac-72i"].version == "ac-35i (borrowed)"
