"""Open episodes as the page counts them, and the most urgent of many."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from alerts.wording import iso
from foremend.service.open_episodes import OpenEpisodes, most_urgent
from foremend.service.views import FindingView
from foremend.vocabulary.ids import EVERYBODY
from foremend.vocabulary.types import MS_PER_DAY, FindingKind, Severity

NOW = 20_000 * MS_PER_DAY


def episode(
    severity: Severity, days: float | None, began: int = NOW, appliance: str = "fridge-1"
) -> FindingView:
    return FindingView(
        id="f", episode_id="e", kind=FindingKind.OPENED, appliance_id=appliance, appliance_model="rf-260",
        fault="not-cooling", rule="r", severity=severity, time=iso(NOW), episode_start=iso(began), score=1.0,
        probability=None, days_to_failure=days, days_low=None, days_high=None, evidence=[],
    )  # fmt: skip


EPISODES = st.lists(
    st.builds(
        episode,
        st.sampled_from(Severity),
        st.none() | st.floats(0, 90),
        st.integers(NOW - 3 * MS_PER_DAY, NOW),
        st.sampled_from(["fridge-1", EVERYBODY]),
    )
)


@given(EPISODES)
def test_each_is_counted_as_one_by_one(each: list[FindingView]) -> None:
    """What is about many is nobody's harm; a warning is new for a day."""
    counted = OpenEpisodes.of(each)
    own = [one for one in each if one.appliance_id != EVERYBODY]
    foreseen = [one for one in own if one.severity is Severity.WARNING and one.days_to_failure is not None]

    assert counted.critical == len([one for one in own if one.severity is Severity.CRITICAL])
    assert counted.foreseen == len([one for one in each if one.days_to_failure is not None])
    assert counted.new(NOW) == len([one for one in foreseen if one.episode_start >= iso(NOW - MS_PER_DAY)])


@given(EPISODES, st.integers(1, 20))
def test_the_most_urgent_are_as_severe_as_any_left_out_and_stay_in_order(
    each: list[FindingView], limit: int
) -> None:
    chosen = most_urgent(each, limit)
    places = [next(n for n, other in enumerate(each) if other is one) for one in chosen]
    left = [one for one in each if not any(one is other for other in chosen)]
    order = list(Severity)

    assert places == sorted(places)
    assert len(chosen) == min(limit, len(each))
    assert all(order.index(one.severity) >= order.index(other.severity) for one in chosen for other in left)
