"""Owners of the simulated households: registered as an app would do it, withdrawing when their time comes."""

from __future__ import annotations

from alerts.consent import ConsentRecord
from alerts.desk import Alerts
from alerts.owners import OwnedAppliance, Owner
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.types import Purpose
from simulators.fleet.fleet import Fleet
from simulators.fleet.population import Owner as SimulatedOwner


def register(alerts: Alerts, fleet: Fleet) -> None:
    """What an app would do at pairing: owner, appliance, and what the owner agreed to."""
    models = {member.appliance_id: member.appliance_model for member in fleet.members}
    alerts.owners.register_owners(
        Owner(owner.owner_id, {"sms": owner.phone, "push": f"device-{owner.owner_id}"})
        for owner in fleet.owners
    )
    alerts.owners.register_appliances(
        OwnedAppliance(appliance, owner.owner_id, models[appliance], owner.language)
        for owner in fleet.owners
        for appliance in owner.appliances
    )
    records = [
        said(owner, a, p, True) for owner in fleet.owners for a in owner.appliances for p in owner.purposes
    ]
    alerts.consent.record(records)


def withdraw(alerts: Alerts, owner: SimulatedOwner) -> None:
    """The owner changes their mind about tickets and messages; watching goes on."""
    purposes = (Purpose.TICKET, Purpose.SMS, Purpose.PUSH)
    alerts.consent.record(said(owner, a, p, False) for a in owner.appliances for p in purposes)


def said(owner: SimulatedOwner, appliance: str, purpose: Purpose, given: bool) -> ConsentRecord:
    """One word of the owner's, now."""
    return ConsentRecord(
        appliance_id=appliance,
        subject=owner.owner_id,
        purpose=purpose,
        given=given,
        at=SystemClock().now_ms(),
        notice_version="demo-1",
        language=owner.language,
        how="app",
    )
