"""Ids where they enter the alerts stage: one form, and a hint at the nearest for what nobody registered."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert

from alerts.database import writing
from alerts.owners import OwnedAppliance, Owner
from alerts.tables import ApplianceRow
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.types import Purpose

WRONG = ["fridge-1 ", "fridge\uff0d\uff11", "../../etc", "", "fridge 2", "a" * 65, "\u0440-1"]


@pytest.mark.parametrize("wrong", WRONG)
def test_no_appliance_and_no_owner_goes_by_an_id_without_the_form(stage: Any, wrong: str) -> None:
    """They would be another device's, and a withdrawal under them would stop nothing."""
    with pytest.raises(InputError, match="cannot be the id of an owner"):
        stage.alerts.owners.register_owners([Owner(wrong, {})])
    with pytest.raises(InputError, match="cannot be the id of an appliance"):
        stage.alerts.owners.register_appliances([OwnedAppliance(wrong, "o-1", "BCD-200")])

    assert stage.alerts.owners.appliance(wrong) is None


@pytest.mark.parametrize("wrong", ["fridge-1 ", "FRIDGE-1", "fridge\uff0d\uff11", "fridge1", "frigde-1"])
def test_a_withdrawal_under_another_spelling_is_refused_with_the_right_one(stage: Any, wrong: str) -> None:
    """It never stops nothing without a word."""
    stage.say(Purpose.SMS, True)

    with pytest.raises(InputError, match="did you mean 'fridge-1'"):
        stage.say(Purpose.SMS, False, wrong)

    assert stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_a_withdrawal_for_what_is_like_nothing_says_how_to_register(stage: Any) -> None:
    """A hint that is wrong would be worse than none."""
    with pytest.raises(InputError, match="etc' is not known: register it first"):
        stage.say(Purpose.SMS, False, "../../etc")


def test_two_ids_that_differ_in_case_alone_are_never_one_by_accident(stage: Any) -> None:
    """The second is refused with the first, unless it is said that they are two."""
    twin = OwnedAppliance("Fridge-1", "o-1", "BCD-200")
    with pytest.raises(InputError, match="differs from 'fridge-1' in upper and lower case alone"):
        stage.alerts.owners.register_appliances([twin])

    stage.alerts.owners.register_appliances([twin], apart=True)

    stage.say(Purpose.SMS, True, "Fridge-1")
    assert not stage.alerts.consent.is_given("fridge-1", Purpose.SMS)


def test_two_owners_that_differ_in_case_alone_in_one_list_are_refused(stage: Any) -> None:
    """Whether or not one was there before."""
    with pytest.raises(InputError, match="upper and lower case alone"):
        stage.alerts.owners.register_owners([Owner("anna-1", {}), Owner("Anna-1", {})])
    with pytest.raises(InputError, match="upper and lower case alone"):
        stage.alerts.owners.register_owners([Owner("O-1", {})])


def test_an_owner_that_nobody_registered_is_refused_with_the_nearest(stage: Any) -> None:
    """As appliances are."""
    with pytest.raises(InputError, match="owner 'O-1' is not known: did you mean 'o-1'"):
        stage.alerts.owners.register_appliances([OwnedAppliance("fridge-2", "O-1", "BCD-200")])


@pytest.mark.parametrize("old", ["old fridge ", "old-" * 40])
def test_what_an_earlier_foremend_took_goes_on(stage: Any, old: str) -> None:
    """Its owner can still agree, withdraw and be registered anew under the very same id."""
    row = {
        "id": old,
        "owner_id": "o-1",
        "appliance_model": "M",
        "language": "zh",
        "timezone": "UTC",
    }
    with writing(stage.alerts.engine) as session:
        session.execute(insert(ApplianceRow), [row])

    stage.say(Purpose.SMS, True, old)
    assert stage.alerts.consent.is_given(old, Purpose.SMS)
    stage.alerts.owners.register_appliances([OwnedAppliance(old, "o-1", "M", "en", "UTC")])
    stage.clock.now += 1
    stage.say(Purpose.SMS, False, old)

    assert not stage.alerts.consent.is_given(old, Purpose.SMS)
