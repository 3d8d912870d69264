"""What the page of one appliance shows: its readings as a chart, and what may be done about it."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from foremend.service.views import Time
from foremend.vocabulary.types import Purpose

WhyNot = Literal["ended", "noted", "nobody", "consent", "next"]


class SignalView(BaseModel):
    """One signal over the chart's time: of each stretch the lowest, mean and highest reading, null where none has it.

    `title` completes 'mean ...', by language; none where people read the name.
    """

    name: str
    unit: str
    title: dict[str, str] | None
    kind: Literal["gauge", "counter"]
    runs: bool  # it shows whether the appliance runs
    low: list[float | None]
    mean: list[float | None]
    high: list[float | None]
    last: float
    last_at: Time


class JudgementView(BaseModel):
    """What was found at one moment."""

    time: Time
    episode_id: str
    kind: str
    fault: str
    severity: str
    score: float
    probability: float | None


class SeriesView(BaseModel):
    """Readings of one appliance, thinned to `stretch_ms` each; `times` are where stretches begin, ms since 1970 UTC.

    Stretches in which nothing was heard are left out. `judgements` are the newest within the time, the oldest first.
    """

    appliance_id: str
    appliance_model: str
    since: Time
    until: Time
    stretch_ms: int
    readings: int
    stored: bool  # this process reads history, and the owner lets it be watched
    times: list[int]
    signals: list[SignalView]
    signal_of: dict[str, str]  # of the numbers that are evidence, the signal each is made from
    judgements: list[JudgementView]


class AgreedView(BaseModel):
    """What the owner's word on one purpose means now."""

    purpose: Purpose
    given: bool
    reason: str


class NoTicketView(BaseModel):
    """An open episode without a live ticket, and why.

    `ended`: somebody closed it; `noted`: it is not severe enough; `nobody`: the appliance is registered to no owner;
    `consent`: the owner's word, in `reason`; `next`: it opens with the next finding.
    """

    episode_id: str
    fault: str
    why: WhyNot
    reason: str = ""


class StandingView(BaseModel):
    """Whether anything may be done about one appliance; `agreed` is null where it is registered to nobody."""

    appliance_id: str
    agreed: list[AgreedView] | None
    no_ticket: list[NoTicketView]
