"""Read models of the effects database, for the console, the HTTP API and the demo: nobody else reads its tables."""

from alerts.queries.appliance import Agreed, agreed, findings_between
from alerts.queries.cohorts import Cohort, cohorts
from alerts.queries.counting import Counts, Lane, counts, lanes, oldest_waiting
from alerts.queries.dead_letter_groups import DeadLetterGroup, dead_letter_groups
from alerts.queries.dead_letters import dead_letter, dead_letters
from alerts.queries.episodes import (
    FindingFilter,
    Opened,
    finding_count,
    open_episodes,
    opened,
    some_findings,
    some_open_episodes,
)
from alerts.queries.keyset import Part
from alerts.queries.lists import deliveries, disabled_targets, findings, held_back, outbox
from alerts.queries.owned import (
    Registered,
    of_owners,
    owned_by,
    registered,
    works_on,
)
from alerts.queries.paging import Page
from alerts.queries.tickets import (
    TicketFilter,
    candidates,
    earlier,
    evidence_chart,
    some_tickets,
    ticket,
    tickets,
)
from alerts.queries.traits import ANY, Known, Traits, fitting, known_of
from alerts.queries.withheld import (
    HeldBackCount,
    HeldBackFilter,
    held_back_now,
    held_back_since,
    some_held_back,
)
from alerts.tables import NEVER, AlarmState, OutboxState, Resolution, TicketStatus

__all__ = [
    "ANY",
    "NEVER",
    "Agreed",
    "AlarmState",
    "Cohort",
    "Counts",
    "DeadLetterGroup",
    "FindingFilter",
    "HeldBackCount",
    "HeldBackFilter",
    "Known",
    "Lane",
    "Opened",
    "OutboxState",
    "Page",
    "Part",
    "Registered",
    "Resolution",
    "TicketFilter",
    "TicketStatus",
    "Traits",
    "agreed",
    "candidates",
    "cohorts",
    "counts",
    "dead_letter",
    "dead_letter_groups",
    "dead_letters",
    "deliveries",
    "disabled_targets",
    "earlier",
    "evidence_chart",
    "finding_count",
    "findings",
    "findings_between",
    "fitting",
    "held_back",
    "held_back_now",
    "held_back_since",
    "known_of",
    "lanes",
    "of_owners",
    "oldest_waiting",
    "open_episodes",
    "opened",
    "outbox",
    "owned_by",
    "registered",
    "some_findings",
    "some_held_back",
    "some_open_episodes",
    "some_tickets",
    "ticket",
    "tickets",
    "works_on",
]
