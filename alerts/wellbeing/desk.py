"""Households whose owners said yes to wellbeing: what is kept of their rhythm, what is said of them, what is told."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from alerts.change import Change, change
from alerts.consent import ConsentLedger, decide, histories
from alerts.consent.watched import watched_until
from alerts.database import chunks, reading, upsert
from alerts.outbox import Outbox
from alerts.policies import Policies
from alerts.requests import Request, came_before
from alerts.tables import ApplianceRow, OwnerRow, WellbeingContactRow, WellbeingRow, WellbeingSignsRow
from alerts.vault import Vault
from alerts.wellbeing.stored import House, Signs
from alerts.wellbeing.telling import Found, told
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import MS_PER_DAY, Purpose
from foremend.vocabulary.wellbeing import DAYS_KEPT

LONGEST_AWAY_MS = 366 * MS_PER_DAY


@dataclass(frozen=True, slots=True)
class Household:
    """An owner who agreed and named a contact; `appliances`: (id, appliance model) of those that the yes is for."""

    owner_id: str
    timezone: str
    appliances: tuple[tuple[str, str], ...]


class Wellbeing:
    """On the effects database. Every method raises UnavailableError while that is away, and IntegrityError for what
    another key sealed."""

    def __init__(
        self,
        engine: Engine,
        vault: Vault,
        outbox: Outbox,
        policies: Policies,
        consent: ConsentLedger,
        clock: Clock,
        wake: Callable[[], None],
    ) -> None:
        """`wake` is called after a commit that left messages in the outbox."""
        self._engine, self._vault, self._outbox, self._policies = engine, vault, outbox, policies
        self._consent, self._clock, self._wake = consent, clock, wake

    def households(self) -> list[Household]:
        """All of whom signs may be looked for now and somebody would be told, by the owner's id."""
        found: defaultdict[str, list[ApplianceRow]] = defaultdict(list)
        agreed = self._consent.given(Purpose.WELLBEING)
        with reading(self._engine) as session:
            for some in chunks(agreed):
                query = select(ApplianceRow).where(
                    ApplianceRow.id.in_(some), ApplianceRow.owner_id.in_(select(WellbeingContactRow.owner_id))
                )
                for row in self._watched(session, session.scalars(query)):
                    found[row.owner_id].append(row)
        return [_household(owner_id, found[owner_id]) for owner_id in sorted(found)]

    def signs(self, appliance_ids: Iterable[str]) -> dict[str, Signs]:
        """What is kept of appliances, by id: of none before its first round."""
        with reading(self._engine) as session:
            rows = [
                row
                for some in chunks(appliance_ids)
                for row in session.scalars(
                    select(WellbeingSignsRow).where(WellbeingSignsRow.appliance_id.in_(some))
                )
            ]
        return {row.appliance_id: Signs.of(self._vault.unseal(row.sealed)) for row in rows}

    def keep_signs(self, found: Mapping[str, Signs]) -> None:
        """Of appliances, by id, whose owner's yes still stands at this moment: of no other anything is kept."""
        with change(self._engine, self._clock) as work:
            still = self._agreed(work, found)
            rows = [
                {"appliance_id": one, "sealed": self._vault.seal(found[one].text()), "at": work.at}
                for one in sorted(still)
            ]
            upsert(work.session, WellbeingSignsRow, rows)

    def house(self, owner_id: str) -> House:
        """What was said of a household, and its silence."""
        return self.houses([owner_id])[owner_id]

    def houses(self, owner_ids: Collection[str]) -> dict[str, House]:
        """The same of several, by the owner's id."""
        with reading(self._engine) as session:
            rows = {
                row.owner_id: row
                for some in chunks(owner_ids)
                for row in session.scalars(select(WellbeingRow).where(WellbeingRow.owner_id.in_(some)))
            }
        return {one: self._opened(rows.get(one)) for one in owner_ids}

    def tell(self, household: Household, found: Found | None, last_sign: int | None) -> bool:
        """Write what the contacts are to know now, each level and silence once; whether that is anything.

        `found` is None where nothing is unlike ever; `last_sign` is the last sign of life, ms UTC.
        """
        ids = [one for one, _ in household.appliances]
        with change(self._engine, self._clock) as work:
            _lock(work.session, household.owner_id)
            agreed = self._agreed(work, ids)
            if not agreed:
                return False
            before = self._house(work.session, household.owner_id)
            after = told(work, self._outbox, self._vault.seal, before, found, last_sign, min(agreed))
            if after != before:
                self._keep(work, household.owner_id, after)
            is_told = bool(work.messages)
        if is_told:
            self._wake()
        return is_told

    def away(self, owner_id: str, until: int, by: str, request: Request | None = None) -> House:
        """Nobody is at home from now `until`, ms UTC; an absence that goes on ends then instead.

        A `request` that came before changes nothing; raises UsedKeyError where its key came with something else.
        Raises InputError for a time that is past or more than a year away, and for an owner who said no yes.
        """
        now = self._clock.now_ms()
        if not now < until <= now + LONGEST_AWAY_MS:
            raise InputError(
                "an absence ends after now, and within a year: write the time at which somebody is back"
            )
        return self._said(
            owner_id,
            by,
            "away",
            request,
            lambda house: replace(_back(house, now), away=(*_back(house, now).away, (now, until))),
        )

    def well(self, owner_id: str, by: str, request: Request | None = None) -> House:
        """All is well now, and whoever was away is back; `request` as for `away`.

        Raises InputError for an owner who said no yes.
        """
        now = self._clock.now_ms()
        return self._said(owner_id, by, "well", request, lambda house: replace(_back(house, now), well=now))

    def _said(
        self, owner_id: str, by: str, word: str, request: Request | None, then: Callable[[House], House]
    ) -> House:
        with change(self._engine, self._clock) as work:
            _lock(work.session, owner_id)
            ids = work.session.scalars(select(ApplianceRow.id).where(ApplianceRow.owner_id == owner_id))
            if not self._agreed(work, set(ids)):
                raise InputError(
                    f"owner {owner_id!r} agreed to wellbeing for no appliance: there is nothing to say it for"
                )
            if came_before(work, request):
                return self._house(work.session, owner_id)
            house = then(self._house(work.session, owner_id))
            self._keep(work, owner_id, house)
            work.note(f"wellbeing.{word}", owner_id, by=by)
        return house

    def _house(self, session: Session, owner_id: str) -> House:
        return self._opened(session.get(WellbeingRow, owner_id))

    def _opened(self, row: WellbeingRow | None) -> House:
        return House() if row is None else House.of(self._vault.unseal(row.sealed))

    def _keep(self, work: Change, owner_id: str, house: House) -> None:
        since = work.at - DAYS_KEPT * MS_PER_DAY
        kept = replace(house, away=tuple(span for span in house.away if span[1] > since))
        row = {"owner_id": owner_id, "sealed": self._vault.seal(kept.text()), "at": work.at}
        upsert(work.session, WellbeingRow, [row])

    def _agreed(self, work: Change, appliance_ids: Iterable[str]) -> set[str]:
        """Those of which signs may be looked for now; nobody can say otherwise until the transaction ends."""
        ids = set(appliance_ids)
        said = histories(work.session, ids, {Purpose.WELLBEING}, lock=True)
        given = {one for one in ids if decide(said.get((one, Purpose.WELLBEING), ()), work.at).given}
        rows = [
            row
            for some in chunks(given)
            for row in work.session.scalars(select(ApplianceRow).where(ApplianceRow.id.in_(some)))
        ]
        return {row.id for row in self._watched(work.session, rows)}

    def _watched(self, session: Session, rows: Iterable[ApplianceRow]) -> list[ApplianceRow]:
        """Those of appliances that may be watched now."""
        each = list(rows)
        said = histories(session, {row.id for row in each}, {Purpose.MONITORING})
        now = self._clock.now_ms()
        return [
            row
            for row in each
            if watched_until(self._policies.of(row.jurisdiction), said.get((row.id, Purpose.MONITORING), ()))
            > now
        ]


def _household(owner_id: str, rows: Iterable[ApplianceRow]) -> Household:
    ordered = sorted(rows, key=lambda row: row.id)
    return Household(owner_id, ordered[0].timezone, tuple((row.id, row.appliance_model) for row in ordered))


def _back(house: House, now: int) -> House:
    """An absence that goes on ends now, and none is ahead."""
    return replace(house, away=tuple((a, min(b, now)) for a, b in house.away if a < now))


def _lock(session: Session, owner_id: str) -> None:
    """Two that judge or say something of one household at a time do so one after the other."""
    session.execute(select(OwnerRow.id).where(OwnerRow.id == owner_id).with_for_update())
