"""What people do with consent at a desk, by command and by API: keep an owner's word, read it, hand out a receipt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Engine

from alerts.consent import ConsentLedger, ConsentRecord
from alerts.consent.ledger import RestlessError
from alerts.consent.receipts import receipt
from alerts.owners import OwnedAppliance, Owners
from alerts.queries import owned_by, register
from alerts.reads import EVERYBODY, note_read
from alerts.requests import Request
from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose, deterministic_id

ON_THE_APPLIANCE = "appliance"
AT_THE_DESK = "at the service desk or in the app, at any time"


class ConsentDesk:
    """Writes the one ledger; `by` is who does it, for the audit log."""

    def __init__(self, engine: Engine, owners: Owners, ledger: ConsentLedger, clock: Clock) -> None:
        self._engine, self._owners, self._ledger, self._clock = engine, owners, ledger, clock

    def say(
        self,
        appliance_id: str,
        purposes: Sequence[Purpose],
        given: bool,
        *,
        owner_id: str | None,
        how: str,
        language: str | None = None,
        retention: str | None = None,
        request: Request | None = None,
        withdrawal_method: str = AT_THE_DESK,
    ) -> dict[str, Any]:
        """Keep an owner's word on some purposes of one appliance, all or none, and answer what holds now.

        A yes names its owner, so that it is never taken for the next one's; a no is the present owner's where none is
        named. The notice is the one of the appliance's policy. Where the `request` came before, nothing is kept. Raises
        InputError as `ConsentLedger.record` does.
        """
        known, at = self.appliance(appliance_id), self._clock.now_ms()
        if given and owner_id is None:
            raise InputError("a yes names who says it: its owner's id")
        subject = known.owner_id if owner_id is None else owner_id
        records = [
            ConsentRecord(
                appliance_id=appliance_id,
                subject=subject,
                purpose=purpose,
                given=given,
                at=at,
                notice_version=self._owners.policies.of(known.jurisdiction).notices.version,
                language=language or known.language,
                how=how,
                retention=retention,
                withdrawal_method=withdrawal_method,
            )
            for purpose in dict.fromkeys(purposes)
        ]
        self._ledger.record(records, request=request)
        now = {one.value: self._ledger.decision(appliance_id, one, at).reason for one in purposes}
        return {"appliance_id": appliance_id, "owner_id": subject, "consents": now}

    def hear(self, word: DeviceWord) -> None:
        """Keep what the owner said on the appliance itself, the first time that it comes.

        A yes names its owner; a no is the present owner's where it names none. Raises InputError, in words without any
        id of an owner, for an appliance that nobody registered, with the nearest that somebody did; where another owner
        is named, or nobody by a yes; and, as RestlessError, for one too many.
        """
        known = self.appliance(word.appliance_id)
        if word.given and not word.owner_id:
            raise InputError("owner_id: a yes names who says it")
        if word.owner_id not in ("", known.owner_id):
            raise InputError("owner_id: not the registered owner of the appliance")
        notices = self._owners.policies.of(known.jurisdiction).notices
        records = [
            ConsentRecord(
                word.appliance_id,
                known.owner_id,
                purpose,
                word.given,
                min(word.at, self._clock.now_ms()),
                word.notice_version or notices.version,
                word.language or known.language,
                ON_THE_APPLIANCE,
                withdrawal_method="on the appliance or in the app, at any time",
            )
            for purpose in word.purposes
        ]
        said = (word.appliance_id, word.ts, word.given)
        keys = [deterministic_id("rm", "word", *said, purpose) for purpose in word.purposes]
        try:
            self._ledger.record(records, keys)
        except RestlessError:
            raise
        except InputError as error:  # what it says may name an owner
            raise InputError("the appliance changed hands, or was erased, at this very moment") from error

    def now_ms(self) -> int:
        """By the clock that words are kept by."""
        return self._clock.now_ms()

    def appliance(self, appliance_id: str) -> OwnedAppliance:
        """What is registered of it. Raises InputError where nobody did, with the nearest that somebody did."""
        found = self._owners.appliance(appliance_id)
        if found is None:
            self._ledger.require_known(appliance_id)
            raise InputError(f"appliance {appliance_id!r} was registered this very moment: ask again")
        return found

    def history(self, appliance_id: str, by: str, of: str | None = None) -> list[dict[str, Any]]:
        """Every record about an appliance, oldest first; `of`: of this owner alone."""
        self.appliance(appliance_id)
        note_read(self._engine, self._clock, "consent", appliance_id, by)
        return [row for row in self._ledger.history(appliance_id) if of in (None, row["subject"])]

    def said_by(self, owner_id: str, by: str) -> list[dict[str, Any]]:
        """Every record of an owner, oldest first, of appliances that are another's now, too.

        Raises InputError for an owner that nobody registered.
        """
        if register.owner(self._engine, owner_id, self._clock.now_ms()) is None:
            raise self._owners.not_known(owner_id)
        note_read(self._engine, self._clock, "consent", owner_id, by)
        return self._ledger.said_by(owner_id)

    def receipt(self, appliance_id: str, by: str) -> dict[str, Any]:
        """A receipt for the present owner. Raises InputError where that one said nothing yet."""
        known = self.appliance(appliance_id)
        said = self.history(appliance_id, by, known.owner_id)
        if not said:
            raise InputError(
                f"the owner of appliance {appliance_id!r} said nothing yet: there is no receipt of it"
            )
        policy = self._owners.policies.of(known.jurisdiction)
        return receipt(known.owner_id, appliance_id, said, policy, self._clock.now_ms())

    def owner(self, owner_id: str, by: str) -> dict[str, Any]:
        """One owner, as `alerts.queries.register.owner` has it. Raises InputError for one that nobody registered."""
        found = register.owner(self._engine, owner_id, self._clock.now_ms())
        if found is None:
            raise self._owners.not_known(owner_id)
        note_read(self._engine, self._clock, "owner", owner_id, by)
        return found

    def some_owners(
        self, beginning: str, after: str, limit: int, by: str, of: str | None = None
    ) -> list[dict[str, Any]]:
        """Owners by how their ids begin: no address, no word of theirs; `of`: this one alone."""
        found = register.owners(self._engine, beginning, after, limit, of)
        if found:
            note_read(self._engine, self._clock, "owner", of or EVERYBODY, by)
        return found

    def owned_by(self, owner_id: str) -> frozenset[str]:
        """The ids of an owner's appliances."""
        return owned_by(self._engine, owner_id)
