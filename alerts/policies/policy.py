"""What stands in a policy: purposes that are asked for first, terms, hours, channels, promises and notices."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from alerts.settings import QuietHours
from foremend.vocabulary.periods import PeriodText
from foremend.vocabulary.schema import DurationMs, Strict
from foremend.vocabulary.types import Purpose

Language = Literal["en", "zh"]
ChannelName = Literal["sms", "phone", "push", "email", "chat"]
"""`phone` and `chat` are named for what an installation adds; no sender for them comes along."""

BY_WORD = frozenset(Purpose) - {Purpose.MONITORING}
"""What no policy allows without a yes."""


class Kept(StrEnum):
    """Kinds of data that a policy gives a time to."""

    READINGS = "readings"  # history
    FINDINGS = "findings"
    TICKETS = "tickets"  # closed or withdrawn, with their outcomes
    MESSAGES = "messages"  # of the outbox, that are through; and files of channels
    HELD_BACK = "held_back"
    CONSENT = "consent"  # records, after the last word on the appliance ended
    CONTACTS = "contacts"  # after the owner's last consent ended
    DEAD_LETTERS = "dead_letters"
    AUDIT = "audit"


class ConsentTerms(Strict):
    """How long a yes holds, and how long before its end the owner is asked again."""

    ends_after: PeriodText = "P2Y"
    ask_again_before: PeriodText = "P30D"


class Hurry(Strict):
    """Of one tier or area: what is left out is as for all."""

    first_contact: DurationMs | None = None
    visit: DurationMs | None = None
    fix: DurationMs | None = None
    urgent: bool = False
    """Whether its tickets come before others of the same severity."""


@dataclass(frozen=True, slots=True)
class Promise:
    """To one owner, in ms from the opening of a ticket on; no `fix` where none is promised."""

    first_contact: int
    visit: int
    fix: int | None
    urgent: bool = False


class ServicePromise(Strict):
    """From the opening of a ticket on: when somebody speaks to the owner, when somebody comes, when it is mended."""

    first_contact: DurationMs
    visit: DurationMs
    fix: DurationMs | None = None
    areas: Mapping[str, Hurry] = {}
    tiers: Mapping[str, Hurry] = {}

    def to(self, area: str | None, tier: str | None) -> Promise:
        """What holds in an area for a tier: what the tier says, else what the area says, else what is said for all."""
        which = [found for found in (self.tiers.get(tier or ""), self.areas.get(area or "")) if found]

        def span(name: str) -> int | None:
            said = [getattr(one, name) for one in which if getattr(one, name) is not None]
            value: int | None = said[0] if said else getattr(self, name)
            return value

        urgent = any(one.urgent for one in which)
        return Promise(
            span("first_contact") or self.first_contact, span("visit") or self.visit, span("fix"), urgent
        )


class Notices(Strict):
    """What an owner is told before a yes, for each purpose and language; a changed text is a new version."""

    version: Annotated[str, Field(min_length=1, max_length=80)]
    texts: Mapping[Purpose, Mapping[Language, str]]

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if missing := [one.value for one in Purpose if one not in self.texts]:
            raise ValueError(f"notices.texts lacks {', '.join(missing)}: each purpose needs its words")
        languages: tuple[Language, ...] = ("en", "zh")
        short = [
            f"{purpose}.{one}"
            for purpose, words in self.texts.items()
            for one in languages
            if not words.get(one)
        ]
        if short:
            raise ValueError(f"notices.texts lacks {', '.join(short)}")
        return self


class Policy(Strict):
    """One jurisdiction. Durations that end something years later are ISO 8601, by the calendar."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]{1,20}$")]
    version: str
    title: Mapping[Language, str]
    sources: tuple[str, ...] = ()
    language: Language
    opt_in: frozenset[Purpose]
    """Purposes for which nothing happens before a yes; `monitoring` may be left out: then it goes on until a no."""
    consent: ConsentTerms = ConsentTerms()
    retention: Mapping[Kept, PeriodText]
    quiet_hours: QuietHours | Literal["configured"] | None
    """Local to the appliance; `configured` are those of `alerts.quiet_hours`."""
    channels: tuple[ChannelName, ...]
    """Those that may be used, in order."""
    together: bool
    """Whether all of them tell, or the first that the owner agreed to and that delivers."""
    messages_a_day: Annotated[int, Field(ge=1)] | None
    """Most that an owner gets between two local midnights, of all appliances together; None: as many as there are. Harm
    under way passes it."""
    service: ServicePromise
    notices: Notices

    @model_validator(mode="after")
    def _asks_first(self) -> Self:
        if missing := sorted(BY_WORD - self.opt_in):
            raise ValueError(
                f"opt_in lacks {', '.join(missing)}: no message, no ticket and no training without a yes"
            )
        if untimed := [kind.value for kind in Kept if kind not in self.retention]:
            raise ValueError(f"retention lacks {', '.join(untimed)}")
        if len(set(self.channels)) != len(self.channels):
            raise ValueError("channels names one twice")
        return self
