"""Months of appliances that were watched: from when a failure would be known, and with what was known well before."""

from __future__ import annotations

import numpy as np
import pytest

from foremend.engine.fitted import Day
from foremend.engine.follow import Days
from foremend.engine.lane import Counts
from foremend.learning.exposure import FEWEST_DAYS, Home, exposed
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import load_profiles
from foremend.vocabulary.types import MS_PER_DAY, Rows
from models.outcomes import Outcome

FIRST, WHOLE, LEAD = 20_000, 300, 30
FEATURES = load_profiles()["generic-compressor"].daily_features
NAMES = tuple(one.name for one in FEATURES)


def lived() -> Days:
    """`a` for 300 days, every feature of which is 1 on all of them."""
    time = (FIRST + 1 + np.arange(WHOLE, dtype=np.int64)) * MS_PER_DAY
    plain = Rows(np.zeros(WHOLE, np.int32), time, NAMES, np.ones((WHOLE, len(NAMES))))
    nothing = Day(plain, plain, np.ones(WHOLE, np.bool_), np.ones(len(NAMES)))
    return Days(["a"], NAMES, [nothing], [], Counts())


@pytest.mark.parametrize("known", [0, FIRST + 60, FIRST + 150])
def test_no_month_begins_before_a_failure_would_be_known(known: int) -> None:
    """As of an owner who agreed later than the appliance was heard: nobody here could tell that it had failed."""
    failure = Outcome("a", "compressor-wear", (FIRST + WHOLE - 5) * MS_PER_DAY)
    spells = exposed(lived(), {"a"}, FEATURES, [failure], {"a": Home("north", "", FIRST, known)}, LEAD)

    begin = max(FIRST + LEAD + FEWEST_DAYS, known)
    assert spells.age.min() == begin - FIRST
    assert len(spells.age) == -(-(FIRST + WHOLE - 4 - begin) // 30)
    assert spells.failed.tolist() == [False] * (len(spells.age) - 1) + [True]


def test_a_failure_before_that_is_none() -> None:
    """Nor is a month after it: the appliance is no more what it was."""
    early = Outcome("a", "compressor-wear", (FIRST + 100) * MS_PER_DAY)
    other = lived()
    spells = exposed(other, {"a"}, FEATURES, [early], {"a": Home(known=FIRST + 60)}, LEAD)
    assert spells.failed.sum() == 1

    with pytest.raises(ConfigError, match="no appliance was heard"):
        exposed(other, {"a"}, FEATURES, [early], {"a": Home(known=FIRST + 150)}, LEAD)
