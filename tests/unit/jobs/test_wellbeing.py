"""What a round makes of stored readings, without a database."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.wellbeing.stored import Signs
from foremend.jobs.wellbeing import joined
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.wellbeing import heard, signs_of_life

MODEL = "mw-700"
MINUTE = 60_000
START = 20_000 * MS_PER_DAY


def block(minutes: np.ndarray, power: np.ndarray) -> Block:
    times = START + minutes * MINUTE
    count = len(times)
    return Block(MODEL, ("m-1",), np.zeros(count, np.int32), times, np.arange(count), {"power": power})


def by_day(whole: Block) -> list[Block]:
    """As history gives them."""
    days = whole.time // MS_PER_DAY
    return [whole.take(days == day) for day in np.unique(days)]


@given(
    gaps=st.lists(st.integers(1, 400), min_size=1, max_size=300),
    on=st.lists(st.booleans(), min_size=300, max_size=300),
)
def test_readings_day_by_day_say_what_they_say_at_once(gaps: list[int], on: list[bool]) -> None:
    """Over each midnight, through any gap: neither a sign more nor one less."""
    whole = block(np.cumsum(gaps), np.where(on[: len(gaps)], 900.0, 1.0))

    found = joined(Signs(0), by_day(whole), START, 0, "microwave")

    times = whole.time * 1_000
    expected = signs_of_life(times, whole.signals, "microwave") // (MINUTE * 1_000)
    spans = [(a // (MINUTE * 1_000), b // (MINUTE * 1_000)) for a, b in heard(times)]
    assert found == Signs(int(whole.time[-1]), tuple(expected.tolist()), tuple(spans))
