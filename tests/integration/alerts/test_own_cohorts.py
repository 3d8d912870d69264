"""Cohorts watched by what is kept here: the register of nameplates, and what technicians found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alerts import queries
from alerts.consent import ConsentRecord
from alerts.nameplates import Firmware, Nameplate
from alerts.outcomes import known_since
from alerts.owners import OwnedAppliance
from alerts.tables import Resolution
from alerts.ticket_steps import Resolved
from foremend.jobs.cohorts import watch_own
from foremend.learning.members import of_register
from foremend.vocabulary.types import Evidence, Finding, Purpose

DAY = 86_400_000
BOTH = (Purpose.TICKET, Purpose.TRAINING)


def plate(appliance_id: str, batch: str, installed: int, *firmware: Firmware) -> Nameplate:
    return Nameplate(appliance_id, "refrigerator", "BCD-200", batch, "north", installed, firmware)


def six_batches(stage: Any) -> list[str]:
    """The ids of 600 appliances; that of number n is of batch n % 6."""
    ids = [f"rf-{number}" for number in range(600)]
    stage.alerts.owners.register_appliances([OwnedAppliance(one, "o-1", "BCD-200") for one in ids])
    plates = [plate(one, f"b{n % 6}", stage.clock.now) for n, one in enumerate(ids)]
    stage.alerts.nameplates.put(plates, "test")
    return ids


def test_a_bad_batch_is_found_among_those_whose_owners_agree(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Of 600 in six batches; an appliance whose owner agrees to no training is neither there nor failed."""
    start, ids = stage.clock.now, six_batches(stage)
    silent = set(ids[5::60])
    stage.alerts.consent.record(
        ConsentRecord(one, "o-1", purpose, True, start, "1", "zh", "app")
        for one in ids
        for purpose in BOTH
        if purpose is Purpose.TICKET or one not in silent
    )
    for day, number in enumerate(range(3, 3 + 6 * 30, 6), 1):  # thirty of batch b3
        stage.clock.now = start + day * DAY
        fails(stage, finding(appliance_id=ids[number], episode_start=stage.clock.now, time=stage.clock.now))
    fails(stage, finding(appliance_id=min(silent), episode_start=stage.clock.now, time=stage.clock.now))

    found = watch_own(stage.alerts, stage.clock, until=None, false_a_year=1.0)

    assert (found["appliances"], found["failures"]) == (590, 30)
    assert found["appliances_without_consent"] == 10
    assert {"batch": "BCD-200 b3"} in [one["cohort"] for one in found["alarms"] if one["level"] == "red"]
    assert all("b3" in str(one["cohort"]) for one in found["alarms"] if "batch" in one["cohort"])


def test_a_bad_batch_is_told_with_how_it_showed_unlike_others(
    stage: Any, finding: Callable[..., Finding]
) -> None:
    """Its failures had frequent starts, those of others a warm cabinet; what all had does not set it apart."""
    start, ids = stage.clock.now, six_batches(stage)
    stage.alerts.consent.record(
        ConsentRecord(one, "o-1", purpose, True, start, "1", "zh", "app") for one in ids for purpose in BOTH
    )
    load, starts = Evidence("power_mean", 90.0, siblings=60.0), Evidence("starts_per_hour", 6.1, usual=2.4)
    warm = Evidence("cabinet_mean", 9.0, usual=4.0)
    for day, number in enumerate(range(3, 3 + 6 * 24, 6), 1):  # of batch b3, and every third day of another
        for one, shows in ((number, starts), *(((number + 1, warm),) if day % 3 == 0 else ())):
            stage.clock.now = start + day * DAY
            now = {"episode_start": stage.clock.now, "time": stage.clock.now}
            fails(stage, finding(appliance_id=ids[one], evidence=(load, shows), **now))

    found = watch_own(stage.alerts, stage.clock, until=None, false_a_year=1.0)

    last = [
        one for one in found["alarms"] if one["definition"] == {"appliance_model": "BCD-200", "batch": "b3"}
    ][-1]
    (feature,) = last["features"]
    assert (feature["feature"], feature["moved"], feature["others"]) == ("starts_per_hour", "up", 0)
    assert feature["failed"] == last["failed"]
    assert feature["of_others"] > 0


def fails(stage: Any, finding: Finding) -> None:
    """A technician finds what was foreseen."""
    stage.alerts.effects.apply([finding], [], finding.time)
    (ticket,) = queries.tickets(stage.alerts.engine, appliance_id=finding.appliance_id).items
    stage.alerts.servicing.take(
        ticket["ticket_id"], Resolved(step="resolved", result=Resolution.CONFIRMED), "test"
    )


@pytest.mark.parametrize(
    ("words", "since"),
    [
        ([(0, True)], 0),
        ([(0, True), (5, True)], 0),
        ([(0, True), (5, False), (9, True)], 9),
        ([(0, True), (5, False)], None),
        ([(5, False)], None),
        ([], None),
    ],
)
def test_a_failure_is_known_since_both_were_agreed_to_without_a_gap(
    stage: Any, words: list[tuple[int, bool]], since: int | None
) -> None:
    """By days after the first word; the other purpose was agreed to before."""
    start = stage.clock.now
    stage.say(Purpose.TICKET, True)
    for day, given in words:
        stage.clock.now = start + day * DAY
        stage.say(Purpose.TRAINING, given)
    stage.clock.now = start + 30 * DAY

    known = known_since(stage.alerts.engine, stage.clock, ["fridge-1", "fridge-2"])

    assert known == ({} if since is None else {"fridge-1": start + since * DAY})


def test_an_appliance_is_there_from_the_day_its_failure_would_be_known(stage: Any) -> None:
    """With the firmware that it had then, and no day of an earlier one."""
    one = plate("rf-1", "b1", 0, Firmware(10 * DAY, "1.0"), Firmware(20 * DAY, "2.0"))

    def days(since: int) -> list[tuple[int, str]]:
        return [(part.day, part.firmware) for part in of_register([one], {"rf-1": since * DAY})["rf-1"]]

    assert days(0) == [(0, ""), (10, "1.0"), (20, "2.0")]
    assert days(12) == [(12, "1.0"), (20, "2.0")]
    assert days(20) == days(0)[2:]
    assert of_register([one], {}) == {}
