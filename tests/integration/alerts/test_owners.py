"""The register of owners, their contacts sealed."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from alerts.database import reading
from alerts.owners import HOUSEHOLD, OwnedAppliance, Owner
from alerts.tables import ContactRow
from foremend.vocabulary.errors import InputError


def test_contacts_are_sealed_in_the_database(stage: Any) -> None:
    """The number can be used, and is nowhere in the table."""
    with reading(stage.alerts.engine) as session:
        sealed = session.scalars(select(ContactRow.sealed)).all()

    assert stage.alerts.owners.contact("o-1", "sms") == "+8613800001234"
    assert not any(b"13800001234" in data for data in sealed)


def test_registering_again_replaces_what_was_known(stage: Any) -> None:
    """A changed number, language or time zone counts from the next message on."""
    stage.alerts.owners.register_owners([Owner("o-1", {"sms": "+4915123456789"})])
    moved = OwnedAppliance("fridge-1", "o-1", "BCD-200", language="en", timezone="Europe/Berlin")

    stage.alerts.owners.register_appliances([moved])

    assert stage.alerts.owners.contact("o-1", "sms") == "+4915123456789"
    assert stage.alerts.owners.contact("o-1", "push") is None
    assert stage.alerts.owners.appliance("fridge-1") == moved


def test_a_number_is_kept_in_one_form(open_stage: Any) -> None:
    """What a gateway takes, however it was written; the country is the one of the settings."""
    stage = open_stage(phone_region="CN")

    stage.alerts.owners.register_owners([Owner("o-1", {"sms": "139 0000 5678", "push": "Token 1"})])

    assert stage.alerts.owners.contact("o-1", "sms") == "+8613900005678"
    assert stage.alerts.owners.contact("o-1", "push") == "Token 1"


def test_what_is_no_number_for_sms_is_refused_and_nothing_changes(stage: Any) -> None:
    """The sentence names owner, channel and what is wrong, and not the number."""
    with pytest.raises(InputError, match=r"the sms address of owner 'o-1'.* a fixed line of") as refused:
        stage.alerts.owners.register_owners([Owner("o-1", {"sms": "+86 10 8888 8888"})])

    assert "8888" not in str(refused.value)
    assert stage.alerts.owners.contact("o-1", "sms") == "+8613800001234"


def test_the_household_needs_no_number(stage: Any) -> None:
    """Where its messages go stands in the settings; of another owner that word is no number."""
    stage.alerts.owners.register_owners([Owner(HOUSEHOLD, {"sms": HOUSEHOLD})])

    with pytest.raises(InputError, match="letters"):
        stage.alerts.owners.register_owners([Owner("o-1", {"sms": HOUSEHOLD})])


@pytest.mark.parametrize(
    ("appliance", "words"),
    [
        (OwnedAppliance("a", "nobody", "M"), "owner 'nobody' is not known"),
        (OwnedAppliance("a", "o-1", "M", timezone="Mars/Crater"), "'Mars/Crater' is not a time zone"),
        (OwnedAppliance("a", "o-1", "M", timezone="../etc/passwd"), "is not a time zone"),
    ],
)
def test_appliances_that_cannot_be_served_are_refused(
    stage: Any, appliance: OwnedAppliance, words: str
) -> None:
    """With the reason; the register stays as it was."""
    with pytest.raises(InputError, match=words):
        stage.alerts.owners.register_appliances([appliance])

    assert stage.alerts.owners.appliance("a") is None


def test_unknown_channels_are_refused(stage: Any) -> None:
    """A typing error must not lose a number."""
    with pytest.raises(InputError, match="'fax' is not a channel"):
        stage.alerts.owners.register_owners([Owner("o-9", {"fax": "1"})])
