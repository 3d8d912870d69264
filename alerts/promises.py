"""What an owner was promised, as clocks on a ticket: pure, times in ms UTC of the wall clock.

A clock stands while the owner is waited for: its end moves by as long as that took. Three quarters of the way it warns,
and at its end it says that the promise is broken; each once.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from alerts.policies.policy import Promise
from alerts.tables import LIVE, NEVER, TicketRow
from alerts.wording import iso

Clocks = Mapping[str, Mapping[str, Any]]
"""By name: `start`, `due`, `met` (None until it is kept), `told` (0 nothing, 1 the warning, 2 that it is broken)."""

MET_BY: Mapping[str, frozenset[str]] = {
    "first_contact": frozenset({"contacted", "scheduled", "on_the_way", "resolved", "closed"}),
    "visit": frozenset({"on_the_way", "resolved", "closed"}),
    "fix": frozenset({"resolved", "closed"}),
}
"""Which steps keep which promise."""
_WARN_AT = 0.75


def begin(promise: Promise, at: int) -> dict[str, dict[str, Any]]:
    """The clocks of a ticket that is opened at `at`."""
    spans = {"first_contact": promise.first_contact, "visit": promise.visit, "fix": promise.fix}
    return {
        name: {"start": at, "due": at + span, "met": None, "told": 0}
        for name, span in spans.items()
        if span is not None
    }


def keep(ticket: TicketRow, step: str, at: int) -> None:
    """What `step` does to the clocks; call it before `waiting_since` is cleared or the status is another one."""
    waited = 0 if ticket.waiting_since is None or step == "waiting" else at - ticket.waiting_since
    clocks = {name: dict(one) for name, one in (ticket.clocks or {}).items()}
    for name, one in clocks.items():
        if one["met"] is None:
            one["start"] += waited
            one["due"] += waited
            if step in MET_BY[name]:
                one["met"] = at
    ticket.clocks = clocks


def set_alarm(ticket: TicketRow) -> None:
    """When somebody has to be told next, None while the owner is waited for, and when all is kept or over; and when the
    next promise ends that is not kept, `NEVER` then."""
    going = ticket.status in LIVE and ticket.waiting_since is None
    clocks = (ticket.clocks or {}) if going else {}
    ticket.alarm_at = min((at for _, _, at in _ahead(clocks)), default=None)
    ticket.due_at = min((one["due"] for one in clocks.values() if one["met"] is None), default=NEVER)


def due(ticket: TicketRow, now: int) -> list[tuple[str, str]]:
    """Which clocks are to be told of now, each as `due_soon` or `overdue`; they count as told from then on."""
    clocks = {name: dict(one) for name, one in (ticket.clocks or {}).items()}
    found: list[tuple[str, str]] = []
    for name, what, at in list(_ahead(clocks)):
        if at <= now:
            late = now >= clocks[name]["due"]
            found.append((name, "overdue" if late else what))
            clocks[name]["told"] = 2 if late else 1
    ticket.clocks = clocks
    return found


def _ahead(clocks: Clocks) -> Iterator[tuple[str, str, int]]:
    """What each clock that runs tells next, and when."""
    for name, one in clocks.items():
        if one["met"] is None and one["told"] < 2:
            yield (name, "overdue", one["due"]) if one["told"] else (name, "due_soon", warns_at(one))


def warns_at(clock: Mapping[str, Any]) -> int:
    """When a clock is near its end."""
    return round(clock["start"] + _WARN_AT * (clock["due"] - clock["start"]))


def shown(clocks: Clocks) -> dict[str, dict[str, Any]]:
    """For people and programs."""
    return {
        name: {
            "due": iso(one["due"]),
            "met_at": None if one["met"] is None else iso(one["met"]),
            "broken": one["met"] > one["due"] if one["met"] is not None else one["told"] == 2,
        }
        for name, one in clocks.items()
    }
