"""What one caller sees of the read model: all of it, its own, or pseudonyms in place of ids."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace
from typing import TypeVar

from alerts.access.pseudonyms import Pseudonyms
from alerts.queries import FindingFilter, HeldBackFilter, TicketFilter
from alerts.reads import EVERYBODY, Reads
from foremend.service.fleet_walk import FleetFilter, Sort
from foremend.service.guard.problems import Problem
from foremend.service.open_episodes import most_urgent
from foremend.service.read_model import ReadModel
from foremend.service.views import (
    ApplianceDetail,
    ApplianceView,
    DeadLetterGroupView,
    DeadLetterView,
    FindingView,
    FleetRow,
    FleetView,
    HeldBackView,
    MessageView,
    Page,
    Part,
    State,
    TicketView,
    WithheldView,
)
from foremend.vocabulary.rights import Caller, Reach, Right, Role

View = TypeVar("View", FindingView, ApplianceView)
_IDS = {"appliance_id": "appliance", "id": "finding", "episode_id": "episode"}


@dataclass(frozen=True, slots=True)
class Sight:
    """What is shown of appliances and owners stands in the audit log, by `reads`; without it, and without `pseudonyms`,
    there is nobody but who sits at this machine."""

    model: ReadModel
    caller: Caller
    pseudonyms: Pseudonyms | None = None
    reads: Reads | None = None

    def findings(self, limit: int, offset: int, appliance_id: str | None) -> Page[FindingView]:
        """`ReadModel.findings`."""
        self._require_ids(appliance_id)
        page = self.model.findings(limit, offset, appliance_id, self._own())
        self.note("finding", appliance_id, page.items)
        return Page(items=[self._shown(one) for one in page.items], total=page.total)

    def episodes(self, limit: int | None) -> list[FindingView]:
        """`ReadModel.episodes`, or the `limit` most urgent of them."""
        own = self._own()
        found = [one for one in self.model.episodes().each if own is None or one.appliance_id in own]
        if limit is not None:
            found = most_urgent(found, limit)
        self.note("finding", None, found)
        return [self._shown(one) for one in found]

    def fleet(self, limit: int, offset: int, state: State | None, appliance_model: str | None) -> FleetView:
        """`ReadModel.fleet`."""
        own = self._own()
        if own is not None:
            found = self.model.some_of_fleet(own, limit, offset, state, appliance_model)
        else:
            found = self.model.fleet(limit, offset, state, appliance_model)
        self.note("appliance", None, found.items)
        return found.model_copy(update={"items": [self._shown(one) for one in found.items]})

    def some_of_fleet(
        self, wanted: FleetFilter, sort: Sort, limit: int, cursor: str | None
    ) -> Part[FleetRow]:
        """`FleetList.part`, of the caller's own where the right goes no further."""
        part = self.model.fleet_list.part(self._as_may_be_seen(wanted), sort, limit, cursor)
        self.note("appliance", None, part.items)
        return part

    def all_of_fleet(self, wanted: FleetFilter, sort: Sort) -> Iterator[list[FleetRow]]:
        """`FleetList.blocks`, of the caller's own where the right goes no further."""
        blocks = self.model.fleet_list.blocks(self._as_may_be_seen(wanted), sort)
        self.note("appliance", None, wanted)
        return blocks

    def _as_may_be_seen(self, wanted: FleetFilter) -> FleetFilter:
        self._require_no_pseudonyms("/api/fleet")
        own = self._own()
        owners = self.caller.reach(Right.OWNERS)
        plates = owners is Reach.ALL or (owners is Reach.OWN and own is not None)
        if not plates and (wanted.traits.region, wanted.traits.batch) != (None, None):
            raise Problem(
                403,
                "what stands on nameplates, region and batch, is for who has the right owners",
                right=Right.OWNERS,
            )
        return replace(
            wanted,
            owners=owners is Reach.ALL,
            nameplates=plates,
            appliances=None if own is None else frozenset(own),
        )

    def appliance(self, appliance_id: str) -> ApplianceDetail | None:
        """`ReadModel.appliance`; what is another's looks as if it were not there. Its tickets ask their own right."""
        self._require_ids(appliance_id)
        own = self._own()
        found = self.model.appliance(appliance_id) if own is None or appliance_id in own else None
        self.note("appliance", appliance_id, found)
        if found is None or self.caller.reach(Right.TICKETS) is not None:
            return found
        return found.model_copy(update={"tickets": []})

    def tickets(
        self, limit: int, offset: int, appliance_id: str | None, status: str | None = None
    ) -> Page[TicketView]:
        """`ReadModel.tickets`."""
        own: Collection[str] | None = None
        technician: str | None = None
        if self.caller.reach(Right.TICKETS) is Reach.OWN:
            if self.caller.role is Role.TECHNICIAN:
                technician = self.caller.subject
            else:
                own = self._owned()
        page = self.model.tickets(limit, offset, appliance_id, own, technician, status)
        self.note("ticket", appliance_id, page.items)
        return page

    def some_findings(
        self, chosen: FindingFilter, sort: str, limit: int, cursor: str | None
    ) -> Part[FindingView]:
        """`ReadModel.some_findings`, of the caller's own where the right goes no further."""
        part = self.model.some_findings(self._narrowed(chosen), sort, limit, cursor)
        self.note("finding", chosen.appliance_id, part.items)
        return part

    def some_open_episodes(self, chosen: FindingFilter, limit: int, cursor: str | None) -> Part[FindingView]:
        """`ReadModel.some_open_episodes`, of the caller's own where the right goes no further."""
        part = self.model.some_open_episodes(self._narrowed(chosen), limit, cursor)
        self.note("finding", chosen.appliance_id, part.items)
        return part

    def _narrowed(self, chosen: FindingFilter) -> FindingFilter:
        self._require_no_pseudonyms("/api/findings and /api/episodes")
        own = self._own()
        return chosen if own is None else replace(chosen, appliances=frozenset(own))

    def _require_no_pseudonyms(self, instead: str) -> None:
        """A cursor and an id would tell who a pseudonym is."""
        if self.caller.reach(Right.FLEET) is Reach.PSEUDONYMS:
            raise Problem(
                403,
                f"your right fleet reaches pseudonyms: ask {instead}",
                right=Right.FLEET,
                reach=Reach.PSEUDONYMS,
            )

    def some_tickets(
        self, chosen: TicketFilter, sort: str, limit: int, cursor: str | None
    ) -> Part[TicketView]:
        """`ReadModel.some_tickets`, of the caller's own where the right goes no further."""
        if self.caller.reach(Right.TICKETS) is Reach.OWN:
            if self.caller.role is Role.TECHNICIAN:
                if chosen.assigned_to not in (None, self.caller.subject):
                    return Part(items=[], next_cursor=None)
                chosen = replace(chosen, assigned_to=self.caller.subject)
            else:
                chosen = replace(chosen, appliances=self._owned())
        part = self.model.some_tickets(chosen, sort, limit, cursor)
        self.note("ticket", chosen.appliance_id, part.items)
        return part

    def ticket(self, ticket_id: str) -> TicketView | None:
        """`ReadModel.ticket`; what is another's looks as if it were not there."""
        found = self.model.ticket(ticket_id)
        if found is None or not self._is_mine(found):
            return None
        self.note("ticket", ticket_id, found)
        return found

    def may_diagnose(self, appliance_id: str) -> bool:
        """Whether the caller may ask this appliance: an owner the own, a technician those of the own open tickets."""
        if self.caller.reach(Right.DIAGNOSES_CHANGE) is not Reach.OWN:
            return True
        if self.caller.role is Role.TECHNICIAN:
            return self.model.works_on(self.caller.subject or "", appliance_id)
        return appliance_id in self._owned()

    def held_back(self, limit: int, offset: int) -> Page[HeldBackView]:
        """`ReadModel.held_back`."""
        page = self.model.held_back(limit, offset)
        self.note("held_back", None, page.items)
        return page

    def some_held_back(self, chosen: HeldBackFilter, limit: int, cursor: str | None) -> Part[WithheldView]:
        """`ReadModel.some_held_back`."""
        part = self.model.some_held_back(chosen, limit, cursor)
        self.note("held_back", chosen.appliance_id, part.items)
        return part

    def outbox(self, limit: int, offset: int, state: str | None) -> Page[MessageView]:
        """`ReadModel.outbox`."""
        page = self.model.outbox(limit, offset, state)
        self.note("message", None, page.items)
        return page

    def dead_letters(self, limit: int, offset: int) -> Page[DeadLetterView]:
        """`ReadModel.dead_letters`."""
        page = self.model.dead_letters(limit, offset)
        self.note("dead_letter", None, page.items)
        return page

    def dead_letter_groups(self, since: int) -> list[DeadLetterGroupView]:
        """`ReadModel.dead_letter_groups`."""
        found = self.model.dead_letter_groups(since)
        self.note("dead_letter", None, found)
        return found

    def _is_mine(self, found: TicketView) -> bool:
        if self.caller.reach(Right.TICKETS) is not Reach.OWN:
            return True
        if self.caller.role is Role.TECHNICIAN:
            return found.assigned_to == self.caller.subject
        return found.appliance_id in self._owned()

    def note(self, what: str, subject: str | None, shown: object) -> None:
        """Before it is shown; nothing of what is not, nor of what only has pseudonyms."""
        by_pseudonyms = self.caller.reach(Right.FLEET) is Reach.PSEUDONYMS
        if shown and self.reads is not None and not by_pseudonyms:
            self.reads.note(what, subject or EVERYBODY, self.caller.who)

    def _own(self) -> Collection[str] | None:
        """The appliances that alone are shown; None shows all."""
        return self._owned() if self.caller.reach(Right.FLEET) is Reach.OWN else None

    def _owned(self) -> Collection[str]:
        return self.model.owned_by(self.caller.subject or "")

    def _require_ids(self, appliance_id: str | None) -> None:
        """Who knows an id and could ask by it would learn its pseudonym."""
        if appliance_id is not None and self.caller.reach(Right.FLEET) is Reach.PSEUDONYMS:
            raise Problem(
                403,
                "your right fleet reaches pseudonyms: ask for lists, not by an appliance's id",
                right=Right.FLEET,
                reach=Reach.PSEUDONYMS,
            )

    def _shown(self, view: View) -> View:
        if self.caller.reach(Right.FLEET) is not Reach.PSEUDONYMS:
            return view
        if self.pseudonyms is None:
            raise Problem(503, "there is no key to make pseudonyms with")
        ids = {name: kind for name, kind in _IDS.items() if name in type(view).model_fields}
        return view.model_copy(
            update={name: self.pseudonyms.of(kind, getattr(view, name)) for name, kind in ids.items()}
        )
