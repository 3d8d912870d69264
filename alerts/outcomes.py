"""What technicians found where tickets sent them: what models learn from, if the owners agree to it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, select

from alerts.consent import histories
from alerts.consent.decide import Statement
from alerts.consent.known import rows_of
from alerts.database import chunks, reading
from alerts.policies import Policies
from alerts.tables import ApplianceRow, FindingRow, OutcomeRow, TicketRow
from foremend.vocabulary.ports import Clock
from foremend.vocabulary.types import Purpose


class Found(NamedTuple):
    """A fault that a technician found; times in ms UTC."""

    appliance_id: str
    fault: str
    found_at: int
    repaired_at: int | None


def found_faults(engine: Engine, clock: Clock) -> list[Found]:
    """Every fault that was found on an appliance whose owner agrees to training now, oldest first."""
    query = (
        select(TicketRow.appliance_id, OutcomeRow.fault, OutcomeRow.found_at, OutcomeRow.repaired_at)
        .join(TicketRow, TicketRow.id == OutcomeRow.ticket_id)
        .where(OutcomeRow.fault.is_not(None))
        .order_by(OutcomeRow.found_at, TicketRow.id)
    )
    with reading(engine) as session:
        found = [Found._make(row) for row in session.execute(query)]
    agreed = may_be_learnt_from(engine, clock, {one.appliance_id for one in found})
    return [one for one in found if one.appliance_id in agreed]


class Shown(NamedTuple):
    """Numbers behind a finding of the episode in which a fault was found on an appliance; `found_at` in ms UTC."""

    appliance_id: str
    found_at: int
    evidence: list[dict[str, Any]]  # as `Evidence` has it


def shown_before(engine: Engine, appliance_ids: Collection[str]) -> Iterator[Shown]:
    """What findings rested on that came true on `appliance_ids`, whoever agreed to what: ask that first.

    Read as it is asked for: years of findings of a large fleet are more than fits.
    """
    query = (
        select(TicketRow.appliance_id, OutcomeRow.found_at, FindingRow.evidence)
        .join(TicketRow, TicketRow.id == OutcomeRow.ticket_id)
        .join(FindingRow, FindingRow.episode_id == OutcomeRow.episode_id)
        .where(OutcomeRow.fault.is_not(None))
    )
    for some in chunks(appliance_ids):
        with reading(engine) as session:
            rows = session.execute(query.where(TicketRow.appliance_id.in_(some))).all()
        yield from map(Shown._make, rows)


def may_teach(engine: Engine, policies: Policies, clock: Clock, appliance_ids: Iterable[str]) -> set[str]:
    """Those of `appliance_ids` that a table of outcomes from elsewhere may teach of.

    Of a registered one the owner must agree to training, whatever the policy: each asks for it. One that nobody
    registered has nobody to ask: it may be used where the installation's policy does not ask before it watches.
    """
    wanted = set(appliance_ids)
    with reading(engine) as session:
        registered = set(rows_of(session, ApplianceRow, wanted))
    free = set() if Purpose.MONITORING in policies.default.opt_in else wanted - registered
    return free | may_be_learnt_from(engine, clock, registered)


def may_be_learnt_from(engine: Engine, clock: Clock, appliance_ids: Iterable[str]) -> set[str]:
    """Those of `appliance_ids` whose owners agree to training now."""
    return set(known_since(engine, clock, appliance_ids, (Purpose.TRAINING,)))


def known_since(
    engine: Engine,
    clock: Clock,
    appliance_ids: Iterable[str],
    purposes: Collection[Purpose] = (Purpose.TICKET, Purpose.TRAINING),
) -> dict[str, int]:
    """Since when, ms UTC, a fault of each of `appliance_ids` would have been told, found and learnt from.

    Since its owner agreed to all of `purposes`, without a gap until now; those who do not are not in it.
    """
    wanted = set(appliance_ids)
    with reading(engine) as session:
        said = histories(session, wanted, purposes)
    now, found = clock.now_ms(), {}
    for one in wanted:
        each = [_agreed_since(said.get((one, purpose), ()), now) for purpose in purposes]
        if None not in each:
            found[one] = max(since for since in each if since is not None)
    return found


def _agreed_since(statements: Sequence[Statement], now: int) -> int | None:
    """When the yes that holds now began; one that was said again before it ended goes on."""
    heard = [one for one in statements if one.at <= now]
    if not heard or not heard[-1].holds(now):
        return None
    since = heard[-1].at
    for before in reversed(heard[:-1]):
        if not before.holds(since):
            break
        since = before.at
    return since
