"""What sets some apart: more often than chance gives, and nothing where all are alike."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rules.apart import set_apart

TRAITS = [f"t{k}" for k in range(8)]
OF_ONE = st.lists(st.sets(st.sampled_from(TRAITS)), max_size=30)


def test_what_a_batch_shows_and_others_do_not_comes_first() -> None:
    """Of twelve, beside what all show."""
    mine = [{"starts", "power"}] * 10 + [{"power"}] * 2
    found = set_apart(mine, [{"power"}] * 50 + [{"starts", "power"}] * 3)

    assert [(one.trait, one.mine, one.others) for one in found] == [("starts", 10, 3)]


def test_where_all_are_alike_at_most_one_batch_in_twenty_has_a_trait_to_tell() -> None:
    """Of 400 batches of fifteen that fail as 200 others do: 5 %, and five standard errors of that."""
    rng = np.random.default_rng(5)

    def drawn(n: int) -> list[set[str]]:
        return [{trait for trait in TRAITS if rng.random() < 0.3} for _ in range(n)]

    told = sum(bool(set_apart(drawn(15), drawn(200))) for _ in range(400))

    assert told <= 400 * 0.05 + 5 * (400 * 0.05 * 0.95) ** 0.5


@given(mine=OF_ONE, others=OF_ONE)
def test_only_what_they_have_more_often_is_told(mine: list[set[str]], others: list[set[str]]) -> None:
    """As counted by hand, the surest first; nothing without others to compare with."""
    found = set_apart(mine, others)

    for one in found:
        assert one.mine == sum(one.trait in each for each in mine)
        assert one.others == sum(one.trait in each for each in others)
        assert one.mine * len(others) > one.others * len(mine)
    assert [one.p for one in found] == sorted(one.p for one in found)
    assert others or not found
