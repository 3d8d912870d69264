"""What a ticket's numbers and the answers to it say together, and what to ask next: read anew each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel
from sqlalchemy import Engine

from alerts import queries
from alerts.ticket_steps import answers
from foremend.vocabulary.catalogue import FaultEntry
from foremend.vocabulary.catalogue.inquiries import Inquiry, Reply, load_inquiries, possible_inquiries
from foremend.vocabulary.profiles import Profile
from models.differential import NONE, ask_next, believed, ranked, told


class CandidateView(BaseModel):
    """A fault that it may be: `measured` is its probability by the numbers alone, `probability` with the answers."""

    fault: str
    title: dict[str, str]
    measured: float
    probability: float


class InquiryView(BaseModel):
    """A question to the owner, or a test on the `appliance` of so many `minutes`. Texts are by language.

    `source`: where its probabilities are from; they are rough.
    """

    inquiry: str
    of: Literal["owner", "appliance"]
    text: dict[str, str]
    minutes: int | None
    source: str


class NextInquiry(InquiryView):
    """What to ask next: `bits` is what it is expected to tell about the fault."""

    bits: float


class AnsweredInquiry(InquiryView):
    """What was answered; who said so and when is in the history."""

    answer: Reply


class DifferentialView(BaseModel):
    """Which fault it may be, the likeliest first, `other` for none of them, and what to ask next.

    `ask` is None where nothing is worth asking: a fault is nearly sure, nothing tells enough, or the ticket is over.
    """

    candidates: list[CandidateView]
    other: float
    ask: NextInquiry | None
    answers: list[AnsweredInquiry]


@dataclass(frozen=True, slots=True)
class Differentials:
    """Of tickets in a database, about appliances of some profiles."""

    engine: Engine
    inquiries: Mapping[str, tuple[Inquiry, ...]]
    """By appliance model, what its profile allows."""
    titles: Mapping[str, dict[str, str]]
    """By fault."""

    @classmethod
    def of(
        cls, engine: Engine, profiles: Mapping[str, Profile], faults: Mapping[str, FaultEntry]
    ) -> Differentials:
        """With what the catalogue asks about appliances of `profiles`."""
        return cls(
            engine,
            {
                name: possible_inquiries(one.category, one.signals, one.states.named if one.states else ())
                for name, one in profiles.items()
            },
            {name: entry.title.model_dump() for name, entry in faults.items()},
        )

    def view(
        self,
        ticket_id: str,
        appliance_model: str,
        steps: Iterable[tuple[str, Mapping[str, object]]],
        live: bool,
    ) -> DifferentialView | None:
        """Of a ticket and what was done about it, in order; None where no prediction is behind it.

        Nothing is asked of one that is not `live`. Raises UnavailableError while the database is away.
        """
        measured = queries.candidates(self.engine, ticket_id)
        if not measured:
            return None
        known = load_inquiries()
        said = {name: reply for name, reply in answers(steps).items() if name in known}
        before = now = believed(measured)
        for name, reply in said.items():
            now = told(now, known[name], reply)
        left = [one for one in self.inquiries.get(appliance_model, ()) if one.name not in said]
        ask = ask_next(now, left) if live else None
        return DifferentialView(
            candidates=[
                CandidateView(fault=one, title=self._title(one), measured=before[one], probability=now[one])
                for one in ranked(now)
            ],
            other=now[NONE],
            ask=None if ask is None else NextInquiry(**_shown(ask.inquiry), bits=ask.bits),
            answers=[AnsweredInquiry(**_shown(known[name]), answer=reply) for name, reply in said.items()],
        )

    def _title(self, fault: str) -> dict[str, str]:
        return self.titles.get(fault) or {"en": fault, "zh": fault}


def _shown(one: Inquiry) -> dict[str, object]:
    return {
        "inquiry": one.name, "of": one.of, "text": one.text.model_dump(), "minutes": one.minutes,
        "source": one.source,
    }  # fmt: skip
