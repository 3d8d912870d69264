"""Which appliances of a cohort failed, asked of the register at the moment: who agrees no more is not among them."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import Engine

from alerts.nameplates import Nameplates
from alerts.outcomes import known_since
from foremend.learning.members import Failure, first_failures, is_in, of_register
from foremend.learning.outcomes import from_tickets
from foremend.vocabulary.ports import Clock


def failed_members(
    engine: Engine, nameplates: Nameplates, clock: Clock, definition: Mapping[str, str]
) -> list[Failure]:
    """The failures of a cohort by its `definition_of`, the oldest first: of appliances whose owners agree to tickets
    and training now, by what technicians found."""
    outcomes = from_tickets(engine, clock)
    ids = {one.appliance_id for one in outcomes}
    fleet = of_register(nameplates.those(ids), known_since(engine, clock, ids))
    return [one for one in first_failures(fleet, outcomes) if is_in(definition, one.since)]
