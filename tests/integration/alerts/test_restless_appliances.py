"""An appliance out of order that says yes and no without end."""

from __future__ import annotations

from typing import Any

import pytest

from alerts.consent.ledger import YES_A_DAY, RestlessError
from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.types import MS_PER_DAY, Purpose


def says(stage: Any, given: bool, purpose: Purpose = Purpose.PUSH) -> None:
    """The appliance, a second after it spoke last."""
    stage.clock.now += 1_000
    now = stage.clock.now
    owner = "o-1" if given else ""
    stage.alerts.consents.hear(DeviceWord("BCD-200", "fridge-1", (purpose,), given, now, now, now, owner))


def restless(stage: Any) -> None:
    """As often as it is taken at its word, and ending with a no."""
    for _ in range(YES_A_DAY):
        says(stage, True)
        says(stage, False)


def test_a_yes_too_many_is_refused_and_the_no_before_it_holds(stage: Any) -> None:
    """However often it goes on: the ledger grows no further."""
    restless(stage)
    kept = len(stage.alerts.consent.history("fridge-1"))

    for _ in range(3):
        with pytest.raises(RestlessError, match="push: a yes after 20 others within a day"):
            says(stage, True)
        says(stage, False)

    assert len(stage.alerts.consent.history("fridge-1")) == kept == 2 * YES_A_DAY
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.PUSH)


def test_a_no_is_taken_at_once_however_often_it_came_before(stage: Any) -> None:
    """The twentieth yes of the appliance stands, and one at the desk after it: each no after them counts."""
    restless(stage)
    stage.clock.now += 1_000
    stage.say(Purpose.PUSH, True)
    assert stage.alerts.consent.is_given("fridge-1", Purpose.PUSH)

    says(stage, False)

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.PUSH)


def test_another_purpose_and_another_day_are_counted_on_their_own(stage: Any) -> None:
    """A display that is mended works again the next day."""
    restless(stage)

    says(stage, True, Purpose.SMS)
    stage.clock.now += MS_PER_DAY
    says(stage, True)

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS)
    assert stage.alerts.consent.is_given("fridge-1", Purpose.PUSH)


def test_a_refused_yes_that_comes_again_undoes_no_later_no(stage: Any) -> None:
    """A broker delivers it once more the next day, when yeses are taken again: it counts from when it was said."""
    restless(stage)
    stage.clock.now += 1_000
    late = stage.clock.now
    word = DeviceWord("BCD-200", "fridge-1", (Purpose.PUSH,), True, late, late, late, "o-1")
    with pytest.raises(RestlessError):
        stage.alerts.consents.hear(word)
    says(stage, True, Purpose.SMS)
    stage.clock.now += 1_000
    stage.say(Purpose.PUSH, False)

    stage.clock.now += MS_PER_DAY
    stage.alerts.consents.hear(word)

    assert not stage.alerts.consent.is_given("fridge-1", Purpose.PUSH)
