"""Who owns which appliance and how to reach them: the only place that holds personal data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine, delete, select
from sqlalchemy.orm import Session

from alerts.database import CHUNK, insert_new, reading, upsert, writing
from alerts.owner_channels import OWNER_CHANNELS
from alerts.storable import storable
from alerts.tables import ApplianceRow, ContactRow, OwnerRow
from alerts.vault import Vault
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose

_ADDRESSES = {*OWNER_CHANNELS, Purpose.EMAIL.value}
"""Kinds of address that are kept; nothing sends e-mail yet."""


@dataclass(frozen=True, slots=True)
class Owner:
    """`owner_id` says nothing about the person; `contacts` is channel (`sms`, `push`, `email`) -> address."""

    owner_id: str
    contacts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnedAppliance:
    """An appliance in a household: `language` as in `zh` or `en`, `timezone` an IANA name."""

    appliance_id: str
    owner_id: str
    appliance_model: str
    language: str = "zh"
    timezone: str = "Asia/Shanghai"


class Owners:
    """The register of owners and their appliances."""

    def __init__(self, engine: Engine, vault: Vault, clock: Clock) -> None:
        self._engine = engine
        self._vault = vault
        self._clock = clock

    def register_owners(self, owners: Iterable[Owner]) -> None:
        """Add owners, or replace the contacts of those already there. Raises InputError for an unknown channel."""
        found = list(owners)
        contacts = [self._sealed(owner, channel) for owner in found for channel in owner.contacts]
        now = self._clock.now_ms()
        with writing(self._engine) as session:
            insert_new(session, OwnerRow, [{"id": owner.owner_id, "created_at": now} for owner in found])
            for owner in found:
                session.execute(delete(ContactRow).where(ContactRow.owner_id == owner.owner_id))
            upsert(session, ContactRow, contacts)

    def register_appliances(self, appliances: Iterable[OwnedAppliance]) -> None:
        """Add appliances of registered owners, or replace what is known of them.

        Consent belongs to an owner and an appliance together: with a new owner all of it must be given anew.
        Raises InputError for an unknown owner or time zone.
        """
        found = list(appliances)
        for zone in {appliance.timezone for appliance in found}:
            time_zone(zone)
        with writing(self._engine) as session:
            _check_owners(session, {appliance.owner_id for appliance in found})
            upsert(session, ApplianceRow, [_row(appliance) for appliance in found])

    def appliance(self, appliance_id: str) -> OwnedAppliance | None:
        """What is known of an appliance; None where nobody registered it."""
        with reading(self._engine) as session:
            row = session.get(ApplianceRow, appliance_id)
        if row is None:
            return None
        return OwnedAppliance(row.id, row.owner_id, row.appliance_model, row.language, row.timezone)

    def contact(self, owner_id: str, channel: str) -> str | None:
        """The owner's address on a channel, in clear: for the moment of sending, never for a log."""
        with reading(self._engine) as session:
            row = session.get(ContactRow, (owner_id, channel))
        return None if row is None else self._vault.unseal(row.sealed)

    def _sealed(self, owner: Owner, channel: str) -> dict[str, object]:
        if channel not in _ADDRESSES:
            raise InputError(f"{channel!r} is not a channel; use one of {', '.join(sorted(_ADDRESSES))}")
        address = owner.contacts[channel]
        if storable(address) != address:
            raise InputError(f"the {channel} address of owner {owner.owner_id!r} holds what no address has")
        return {"owner_id": owner.owner_id, "channel": channel, "sealed": self._vault.seal(address)}


def _row(appliance: OwnedAppliance) -> dict[str, str]:
    return {
        "id": appliance.appliance_id,
        "owner_id": appliance.owner_id,
        "appliance_model": appliance.appliance_model,
        "language": appliance.language,
        "timezone": appliance.timezone,
    }


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises InputError when it is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name!r} is not a time zone; write an IANA name such as Asia/Shanghai") from error


def _check_owners(session: Session, wanted: set[str]) -> None:
    known: set[str] = set()
    names = sorted(wanted)
    for start in range(0, len(names), CHUNK):
        known.update(
            session.scalars(select(OwnerRow.id).where(OwnerRow.id.in_(names[start : start + CHUNK])))
        )
    if unknown := wanted - known:
        raise InputError(f"owner {min(unknown)!r} is not registered; register owners before their appliances")
