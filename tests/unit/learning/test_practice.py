"""Practice fleets have every fault about as often, at its natural speed, on appliances whose usual is known."""

from collections import Counter, defaultdict
from itertools import pairwise

from foremend.learning.practice import practice_fleets
from foremend.vocabulary.types import MS_PER_DAY
from models.settings import TrainingSettings
from simulators.categories import fault_effect, physics_of
from simulators.fleet.faults import FaultCourse

MODEL = "rf-260"
FAULTS = tuple(physics_of(MODEL).faults)
SETTINGS = TrainingSettings(appliances=60)


COOLED = ("drain-blockage", "filter-clog", "supply-undervoltage")


def courses() -> list[list[FaultCourse]]:
    """Of each practised appliance that falls ill, by onset."""
    ill: dict[tuple[int, int], list[FaultCourse]] = defaultdict(list)
    for number, fleet in enumerate(practice_fleets(MODEL, FAULTS, SETTINGS)):
        for course in fleet.courses[MODEL]:
            ill[number, course.row].append(course)
    return [sorted(mine, key=lambda course: course.onset) for mine in ill.values()]


def test_faults_are_dealt_out_evenly() -> None:
    """None is rarer than another by more than a round of each fleet."""
    counts = Counter(course.fault for mine in courses() for course in mine)

    assert set(counts) == set(FAULTS)
    assert max(counts.values()) - min(counts.values()) <= 2


def test_a_fault_takes_its_natural_time() -> None:
    """Slow faults are not hurried: what grows in practice grows as in life."""
    for course in (course for mine in courses() for course in mine):
        low, high = fault_effect(MODEL, course.fault).days
        assert low <= (course.full - course.onset) / MS_PER_DAY <= high


def test_a_fault_begins_when_the_one_before_is_repaired() -> None:
    """With a week or more of health between; one that stopped growing goes on beside the next."""
    for mine in courses():
        for before, after in pairwise(mine):
            assert after.onset - (before.repaired or before.full) >= 7 * MS_PER_DAY


def test_some_appliances_stay_well() -> None:
    """As many as the settings say, and all of those that live from one season into the other."""
    winter, summer, *changing = practice_fleets(MODEL, FAULTS, SETTINGS)

    fallen_ill = sum(round(SETTINGS.fault_rate * len(fleet.members)) for fleet in (winter, summer))
    assert len(courses()) == fallen_ill < len(winter.members) + len(summer.members)
    assert all(fleet.members and not fleet.courses[MODEL] for fleet in changing)


def test_what_needs_warmth_waits_for_the_summer() -> None:
    """The drains that no home could have in winter are dealt out in summer, so that none is practised seldom."""
    winter, summer, *_ = (
        Counter(course.fault for course in fleet.courses["ac-35i"])
        for fleet in practice_fleets("ac-35i", COOLED, TrainingSettings(appliances=120))
    )

    assert winter["drain-blockage"] < winter["filter-clog"]
    assert summer["drain-blockage"] > summer["filter-clog"]


def test_an_appliance_whose_faults_are_all_out_of_season_stays_well() -> None:
    """A fault that cannot come yet is not forced upon it."""
    winter, *_ = practice_fleets("ac-35i", ("drain-blockage",), SETTINGS)

    assert 0 <= len(winter.courses["ac-35i"]) < SETTINGS.fault_rate * len(winter.members)
