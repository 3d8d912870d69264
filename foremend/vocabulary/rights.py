"""Who may do what: roles, the rights that each has, and how far each right reaches. The one place that says it.

An endpoint asks for one right. How much it then shows is the right's reach: everything, what is the caller's own, or
pseudonyms in place of ids.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from foremend.vocabulary.errors import InputError


class Role(StrEnum):
    """What somebody is here for."""

    OWNER = "owner"
    AGENT = "agent"
    TECHNICIAN = "technician"
    DATA_SCIENTIST = "data-scientist"
    QUALITY = "quality"
    OPERATOR = "operator"
    ADMIN = "admin"


class Right(StrEnum):
    """One thing that may be done. Those that end in `.change` write, the others read."""

    WORDS = "words"  # what faults, signals and appliance models are called
    OVERVIEW = "overview"  # counters of the whole line, no appliance
    COHORTS = "cohorts"  # appliances counted by what they have in common, alarms about them, forecasts; nobody by name
    COHORTS_CHANGE = "cohorts.change"  # acknowledge and close alarms about cohorts
    INSIGHTS_CHANGE = (
        "insights.change"  # have it looked for anew what goes with failures, which takes a while
    )
    FLEET = "fleet"  # appliances with their findings and episodes, each by its id
    TICKETS = "tickets"
    TICKETS_CHANGE = "tickets.change"
    DIAGNOSES_CHANGE = "diagnoses.change"  # ask an appliance how it is, and say how its owner's steps went
    MESSAGES = "messages"  # texts to owners, and what consent held back
    HELD_BACK = "held-back"  # how much was held back, by cause and purpose, of nobody by name
    DEAD_LETTERS = "dead-letters"
    DEAD_LETTERS_CHANGE = "dead-letters.change"  # have them sent again
    METRICS = "metrics"
    MODELS = "models"  # trained versions, what they learnt from, how they do, what drifts
    MODELS_CHANGE = "models.change"  # put a version in use, or take it back
    SETTINGS = "settings"  # the settings in force, without secrets, and the rules
    OWNERS = "owners"  # owners, their appliances and addresses
    OWNERS_CHANGE = "owners.change"
    CONSENTS = "consents"  # what owners agreed to
    CONSENTS_CHANGE = "consents.change"
    EXPORT = "owners.export"  # everything about an owner, addresses in clear
    ERASURES = "erasures"  # that erasures were asked for, each by its reference
    ERASURES_CHANGE = "erasures.change"
    RETENTION = "retention"  # how long what is kept
    AUDIT = "audit"
    ACCESS = "access"  # who may come in: users, sessions, tokens
    ACCESS_CHANGE = "access.change"


class Reach(StrEnum):
    """How far a right goes."""

    ALL = "all"
    OWN = "own"  # an owner's own appliances, a technician's own tickets
    PSEUDONYMS = "pseudonyms"  # everything, with keyed pseudonyms in place of ids


Rights = Mapping[Right, Reach]


def _all(*rights: Right) -> dict[Right, Reach]:
    return dict.fromkeys(rights, Reach.ALL)


ON_THIS_MACHINE: Rights = MappingProxyType(
    _all(
        Right.WORDS,
        Right.OVERVIEW,
        Right.COHORTS,
        Right.FLEET,
        Right.TICKETS,
        Right.MESSAGES,
        Right.HELD_BACK,
        Right.DEAD_LETTERS,
        Right.METRICS,
        Right.MODELS,
        Right.SETTINGS,
    )
)
"""Of who sits at a machine that listens to itself alone: the page, and nothing of owners."""

RIGHTS: Mapping[Role, Rights] = MappingProxyType(
    {
        Role.OWNER: _all(Right.WORDS)
        | dict.fromkeys(
            (
                Right.FLEET,
                Right.TICKETS,
                Right.DIAGNOSES_CHANGE,
                Right.OWNERS,
                Right.CONSENTS,
                Right.CONSENTS_CHANGE,
                Right.EXPORT,
                Right.ERASURES_CHANGE,
            ),
            Reach.OWN,
        ),
        Role.AGENT: _all(
            Right.WORDS,
            Right.OVERVIEW,
            Right.FLEET,
            Right.TICKETS,
            Right.TICKETS_CHANGE,
            Right.DIAGNOSES_CHANGE,
            Right.MESSAGES,
            Right.HELD_BACK,
            Right.OWNERS,
            Right.OWNERS_CHANGE,
            Right.CONSENTS,
            Right.CONSENTS_CHANGE,
        ),
        Role.TECHNICIAN: _all(Right.WORDS, Right.HELD_BACK)
        | dict.fromkeys((Right.TICKETS, Right.TICKETS_CHANGE, Right.DIAGNOSES_CHANGE), Reach.OWN),
        Role.DATA_SCIENTIST: _all(
            Right.WORDS,
            Right.OVERVIEW,
            Right.COHORTS,
            Right.INSIGHTS_CHANGE,
            Right.HELD_BACK,
            Right.MODELS,
            Right.MODELS_CHANGE,
        )
        | {Right.FLEET: Reach.PSEUDONYMS},
        Role.QUALITY: _all(
            Right.WORDS,
            Right.OVERVIEW,
            Right.COHORTS,
            Right.COHORTS_CHANGE,
            Right.INSIGHTS_CHANGE,
            Right.HELD_BACK,
            Right.MODELS,
        ),
        Role.OPERATOR: {
            **ON_THIS_MACHINE,
            **_all(
                Right.COHORTS_CHANGE,
                Right.INSIGHTS_CHANGE,
                Right.DEAD_LETTERS_CHANGE,
                Right.AUDIT,
                Right.ERASURES,
                Right.RETENTION,
            ),
        },
        Role.ADMIN: _all(*Right),
    }
)

SEES_OTHERS = frozenset(role for role in Role if role is not Role.OWNER and Right.TICKETS in RIGHTS[role])
"""Roles that see what is personal of others: every one by which somebody's ticket can be read."""

WITH_A_SUBJECT = frozenset({Role.OWNER, Role.TECHNICIAN})
"""Roles of which somebody's own is asked: whose it is must be said."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Somebody who asks. `who` goes into the audit log; `subject` is the owner's id or the technician's name,
    `name` what a user is called."""

    who: str
    rights: Rights
    role: Role | None = None
    subject: str | None = None
    name: str | None = None
    owes_factor: bool = False
    """Whether a second factor has to be set up before any right of the role is there."""

    def reach(self, right: Right) -> Reach | None:
        """How far `right` goes; None where the caller does not have it."""
        return self.rights.get(right)


def rights_of(role: Role, only: Collection[Right] | None = None) -> Rights:
    """What `role` may do, of that only `only` where it is given. Raises InputError for a right that it has not."""
    has = RIGHTS[role]
    if only is None:
        return has
    if more := sorted(set(only) - set(has)):
        raise InputError(f"role {role} has no right {', '.join(more)}; it has {', '.join(sorted(has))}")
    return {right: reach for right, reach in has.items() if right in only}


def require_subject(role: Role, subject: str | None) -> None:
    """Raises InputError where `role` is about somebody's own, and it is not said whose, or the other way about."""
    if role in WITH_A_SUBJECT and not subject:
        raise InputError(
            f"role {role} reaches what is its own: say whose by --of (an owner's id, a technician's name)"
        )
    if subject and role not in WITH_A_SUBJECT:
        raise InputError(f"role {role} reaches the same for everybody: leave --of out")
