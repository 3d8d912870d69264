"""What a round makes of stored readings, without a database."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from alerts.wellbeing.stored import Signs
from foremend.jobs.wellbeing_signs import Listening, by_appliance
from foremend.vocabulary.types import MS_PER_DAY, Block
from models.wellbeing import heard, signs_of_life

MODEL = "mw-700"
MINUTE = 60_000
START = 20_000 * MS_PER_DAY


def block(minutes: np.ndarray, power: np.ndarray, who: np.ndarray | None = None) -> Block:
    times = START + minutes * MINUTE
    count = len(times)
    who = np.zeros(count, np.int32) if who is None else who.astype(np.int32)
    return Block(MODEL, ("m-1", "m-2", "m-3"), who, times, np.arange(count), {"power": power, "wifi": power})


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

    listening = Listening(Signs(0), START, "microwave")
    for day in by_day(whole):
        listening.hear(day)
    found = listening.signs(0)

    times = whole.time * 1_000
    expected = signs_of_life(times, whole.signals, "microwave") // (MINUTE * 1_000)
    spans = [(a // (MINUTE * 1_000), b // (MINUTE * 1_000)) for a, b in heard(times)]
    assert found == Signs(int(whole.time[-1]), tuple(expected.tolist()), tuple(spans))


@given(who=st.lists(st.integers(0, 2), min_size=1, max_size=60))
def test_a_block_of_many_is_taken_apart_with_nothing_lost(who: list[int]) -> None:
    """Each has its own readings, in order of time, and only signals that can show a sign of life."""
    whole = block(np.arange(len(who)), np.arange(len(who)) * 1.0, np.array(who))

    parts = dict(by_appliance(whole))

    assert {name: part.signals["power"].tolist() for name, part in parts.items()} == {
        whole.appliance_ids[one]: [n for n, other in enumerate(who) if other == one] for one in set(who)
    }
    assert all(part.signals.keys() == {"power"} for part in parts.values())
    assert all((np.diff(part.time) > 0).all() for part in parts.values())
