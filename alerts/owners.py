"""Who owns which appliance and how to reach them: the only place that holds personal data."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from sqlalchemy import Engine, delete
from sqlalchemy.orm import Session

from alerts.change import change
from alerts.consent.handover import hand_over
from alerts.consent.known import not_known, require_new_ids, rows_of
from alerts.consent.leaving import once_still, require_still
from alerts.database import chunks, insert_new, reading, upsert, writing
from alerts.outbox import Outbox
from alerts.owner_channels import OWNER_CHANNELS
from alerts.phone_numbers import mobile_number
from alerts.policies import Policies
from alerts.storable import storable
from alerts.tables import HOUSEHOLD as HOUSEHOLD
from alerts.tables import ApplianceRow, ContactRow, OwnerRow
from alerts.vault import Vault
from alerts.words.composing import LONGEST_NAME
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.ids import folded
from foremend.vocabulary.ports import Clock


@dataclass(frozen=True, slots=True)
class Owner:
    """`owner_id` says nothing about the person; `contacts` is channel (`sms`, `push`, `email`) -> address.

    A telephone number is kept as E.164, however it was written.
    """

    owner_id: str
    contacts: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class OwnedAppliance:
    """An appliance in a household: `language` as in `zh` or `de`, `timezone` an IANA name."""

    appliance_id: str
    owner_id: str
    appliance_model: str
    language: str = "zh"
    timezone: str = "Asia/Shanghai"
    jurisdiction: str | None = None  # the policy's name; None: that of the settings
    service_area: str | None = None  # a name without an address
    tier: str | None = None  # of the service contract, as the policy names it
    name: str | None = None  # what the household calls it, as `kitchen fridge`


_LEADS = re.compile(r"[@/\\<>{}]|\bwww\.|\w\.\w{2,}", re.IGNORECASE)


class Owners:
    """The register of owners and their appliances."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        clock: Clock,
        outbox: Outbox,
        policies: Policies,
        phone_region: str | None = None,
    ) -> None:
        """`phone_region`: the country of telephone numbers that are written without one."""
        self._engine = engine
        self._vault = vault
        self._clock = clock
        self._outbox = outbox
        self.policies = policies
        self._phone_region = phone_region

    def register_owners(self, owners: Iterable[Owner], *, apart: bool = False) -> None:
        """Add owners, or replace the contacts of those already there.

        Raises InputError for an unknown channel, for a telephone number that gets no SMS, for an id that has not the
        normal form, and for a new one that differs from another in case alone unless `apart`.
        """
        found = list(owners)
        with writing(self._engine) as session:
            self._put_owners(session, found, OWNER_CHANNELS, apart)

    def register(
        self, owners: Sequence[Owner], appliances: Sequence[OwnedAppliance], channels: Collection[str]
    ) -> None:
        """Owners and their appliances in one transaction; of `channels` alone addresses are replaced.

        Raises InputError as `register_owners` and `register_appliances` do; nothing is kept then.
        """
        self._require_usable(appliances)
        once_still(
            self._engine,
            lambda wait: self._register(
                appliances,
                False,
                wait,
                lambda session: self._put_owners(session, owners, channels, apart=False),
            ),
        )

    def _put_owners(
        self, session: Session, owners: Sequence[Owner], channels: Collection[str], apart: bool
    ) -> None:
        contacts = [self._sealed(owner, channel) for owner in owners for channel in owner.contacts]
        ids = [owner.owner_id for owner in owners]
        require_new_ids(session, OwnerRow, ids, rows_of(session, OwnerRow, ids), apart)
        now = self._clock.now_ms()
        rows = [{"id": one, "created_at": now, "folded": folded(one)} for one in ids]
        insert_new(session, OwnerRow, rows)
        for some in chunks(ids):
            there = ContactRow.owner_id.in_(some), ContactRow.channel.in_(channels)
            session.execute(delete(ContactRow).where(*there))
        upsert(session, ContactRow, contacts)

    def register_appliances(self, appliances: Iterable[OwnedAppliance], *, apart: bool = False) -> None:
        """Add appliances of registered owners, or replace what is known of them.

        Consent belongs to an owner and an appliance together: with a new owner all of it ends, open tickets are
        withdrawn and the receivers told. Raises InputError for an unknown owner, time zone or jurisdiction, and for an
        id as `register_owners` does.
        """
        found = list(appliances)
        self._require_usable(found)
        once_still(self._engine, lambda wait: self._register(found, apart, wait))

    def _register(
        self,
        found: Sequence[OwnedAppliance],
        apart: bool,
        wait: bool,
        first: Callable[[Session], None] = lambda session: None,
    ) -> None:
        """Raises UnderWayError, if it is to `wait` for what is being sent to a former owner."""
        with change(self._engine, self._clock) as work:
            first(work.session)
            _check_owners(work.session, {appliance.owner_id for appliance in found})
            ids = [appliance.appliance_id for appliance in found]
            before = rows_of(work.session, ApplianceRow, ids, lock=True)
            require_new_ids(work.session, ApplianceRow, ids, before, apart)
            rows = {appliance.appliance_id: self._row(appliance) for appliance in found}
            former = {
                one: row.owner_id for one, row in before.items() if row.owner_id != rows[one]["owner_id"]
            }
            if wait:
                require_still(work.session, former, work.at)
            hand_over(work, self._outbox, former)
            for one in rows:
                if one not in before or self._differs(before[one], rows[one]):
                    work.note("appliance.registered", one)
            work.session.expunge_all()
            upsert(work.session, ApplianceRow, list(rows.values()))

    def _require_usable(self, appliances: Sequence[OwnedAppliance]) -> None:
        for zone in {appliance.timezone for appliance in appliances}:
            time_zone(zone)
        for name in {one.jurisdiction for one in appliances} - {None}:
            try:
                self.policies.named(str(name))
            except ConfigError as error:
                raise InputError(str(error)) from error

    def appliance(self, appliance_id: str) -> OwnedAppliance | None:
        """What is known of an appliance; None where nobody registered it."""
        with reading(self._engine) as session:
            row = session.get(ApplianceRow, appliance_id)
        return None if row is None else self.read(row)

    def registered(self, appliance_ids: Collection[str]) -> dict[str, OwnedAppliance]:
        """Those of `appliance_ids` that somebody registered, by id."""
        with reading(self._engine) as session:
            return {one: self.read(row) for one, row in rows_of(session, ApplianceRow, appliance_ids).items()}

    def not_known(self, owner_id: str) -> InputError:
        """The error for an owner whom nobody registered, with the nearest whom somebody did."""
        with reading(self._engine) as session:
            return not_known(session, OwnerRow, owner_id)

    def read(self, row: ApplianceRow) -> OwnedAppliance:
        """What a row says. Raises IntegrityError where its name cannot be unsealed."""
        return OwnedAppliance(
            row.id, row.owner_id, row.appliance_model, row.language, row.timezone, row.jurisdiction,
            row.service_area, row.tier, self._name(row),
        )  # fmt: skip

    def _name(self, row: ApplianceRow) -> str | None:
        return None if row.sealed_name is None else self._vault.unseal(row.sealed_name)

    def _row(self, appliance: OwnedAppliance) -> dict[str, object]:
        name = None if appliance.name is None else self._vault.seal(checked_name(appliance.name))
        return _row(appliance) | {"sealed_name": name}

    def _differs(self, row: ApplianceRow, wanted: Mapping[str, Any]) -> bool:
        """A name is sealed anew each time, so what is under the seal is compared."""
        sealed = wanted["sealed_name"]
        name = None if sealed is None else self._vault.unseal(sealed)
        plain = {key: value for key, value in wanted.items() if key != "sealed_name"}
        return any(getattr(row, key) != value for key, value in plain.items()) or self._name(row) != name

    def contact(self, owner_id: str, channel: str) -> str | None:
        """The owner's address on a channel, in clear: for the moment of sending, never for a log."""
        with reading(self._engine) as session:
            row = session.get(ContactRow, (owner_id, channel))
        return None if row is None else self._vault.unseal(row.sealed)

    def unsealed(self, sealed: bytes) -> str:
        """An address in clear, or what else is sealed of an owner: for the moment of use, never for a log. Raises
        IntegrityError where it is another key's."""
        return self._vault.unseal(sealed)

    def _sealed(self, owner: Owner, channel: str) -> dict[str, object]:
        if channel not in OWNER_CHANNELS:
            raise InputError(f"{channel!r} is not a channel; use one of {', '.join(sorted(OWNER_CHANNELS))}")
        address = owner.contacts[channel]
        try:
            if not owner.owner_id == address == HOUSEHOLD:  # whose messages go where the settings say
                address = self.address(channel, address)
        except InputError as error:
            raise InputError(f"the {channel} address of owner {owner.owner_id!r}: {error}") from None
        return {"owner_id": owner.owner_id, "channel": channel, "sealed": self._vault.seal(address)}

    def address(self, channel: str, written: str) -> str:
        """An address as it is kept: telephone numbers as E.164, others as they are.

        Raises InputError that says what is wrong with it, without the address.
        """
        if storable(written) != written:
            raise InputError("it holds what no address has")
        return mobile_number(written, self._phone_region) if OWNER_CHANNELS[channel].numbers else written


def checked_name(name: str) -> str:
    """An appliance's own name, trimmed. Raises InputError for what is none: nothing to be led away by comes with it."""
    trimmed = " ".join(unicodedata.normalize("NFC", name).split())
    if not 1 <= len(trimmed) <= LONGEST_NAME:
        raise InputError(f"an appliance's name has 1 to {LONGEST_NAME} letters: {len(trimmed)} are given")
    if not trimmed.isprintable() or _LEADS.search(trimmed) or storable(trimmed) != trimmed:
        raise InputError(
            "an appliance's name holds no link, no @ and nothing that cannot be read: write `kitchen fridge`"
        )
    return trimmed


def _row(appliance: OwnedAppliance) -> dict[str, object]:
    return {
        "id": appliance.appliance_id,
        "owner_id": appliance.owner_id,
        "appliance_model": appliance.appliance_model,
        "language": appliance.language,
        "timezone": appliance.timezone,
        "jurisdiction": appliance.jurisdiction,
        "folded": folded(appliance.appliance_id),
        "service_area": appliance.service_area,
        "tier": appliance.tier,
    }


def time_zone(name: str) -> ZoneInfo:
    """The zone of an IANA name. Raises InputError when it is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise InputError(f"{name!r} is not a time zone; write an IANA name such as Asia/Shanghai") from error


def _check_owners(session: Session, wanted: set[str]) -> None:
    if strangers := wanted - rows_of(session, OwnerRow, wanted).keys():
        raise not_known(session, OwnerRow, min(strangers))
