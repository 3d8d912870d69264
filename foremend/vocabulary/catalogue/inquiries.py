"""What tells faults apart that look alike in the numbers: questions to an owner, and short guided tests.

Words and probabilities live in `inquiries.yaml`, each with its source; `models.differential` chooses among them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self

from pydantic import Field, TypeAdapter, model_validator

from foremend.vocabulary.catalogue import Category, FaultEntry, Words, load_catalogue, parse_entries
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import Strict

Reply = Literal["yes", "no", "unknown"]
"""`unknown`: who was asked does not know, or cannot look."""
Share = Annotated[float, Field(ge=0.01, le=0.99)]
"""A probability; never sure, so that no answer excludes a fault for good."""


class Inquiry(Strict):
    """Something to ask an owner, or to try on the appliance for some `minutes` and then look at.

    `given` has the probability of a yes by fault, of who can answer; `otherwise` that of all other faults, and of none.
    `unknown` is the share of those who cannot, whatever the fault. `signals` and `states` must be in the profile of
    an appliance model on which a test is to be made. All probabilities are rough, as `source` says.
    """

    name: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$", max_length=60)]
    category: Category
    of: Literal["owner", "appliance"]
    text: Words
    minutes: Annotated[int, Field(ge=1, le=120)] | None = None
    signals: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    given: Annotated[dict[str, Share], Field(min_length=1)]
    otherwise: Share
    unknown: Annotated[float, Field(ge=0, le=0.9)]
    source: Annotated[str, Field(min_length=20)]

    @model_validator(mode="after")
    def _tests_take_time(self) -> Self:
        if (self.of == "appliance") != (self.minutes is not None and bool(self.signals or self.states)):
            raise ValueError("a test says minutes and what it needs (signals, states), a question neither")
        return self

    def chance(self, fault: str) -> float:
        """The probability of a yes, 0..1, of who can answer; of a fault that it does not name, or of none."""
        return self.given.get(fault, self.otherwise)

    def is_possible(self, signals: Collection[str], states: Collection[str]) -> bool:
        """Whether an appliance that sends these signals and has these states can be asked so."""
        return set(self.signals) <= set(signals) and set(self.states) <= set(states)


_ENTRIES = TypeAdapter(tuple[Inquiry, ...])


def parse_inquiries(text: str, where: str, faults: Mapping[str, FaultEntry]) -> dict[str, Inquiry]:
    """The entries of a file, by name, in the order they are written.

    Raises ConfigError, naming `where`, when the text is not YAML, an entry is wrong, a name comes twice, or a fault is
    none of its category's.
    """
    entries = parse_entries(_ENTRIES, text, where)
    found = {entry.name: entry for entry in entries}
    if len(found) < len(entries):
        raise ConfigError(f"{where} names an inquiry twice: give each a name of its own")
    for entry in entries:
        for fault in entry.given:
            if fault not in faults or faults[fault].category != entry.category:
                raise ConfigError(
                    f"{where}: {entry.name}: {fault!r} is no fault of category {entry.category}"
                )
    return found


@cache
def load_inquiries() -> dict[str, Inquiry]:
    """Those that ship with Foremend, by name. Read once; do not change what it returns."""
    text = files(__package__).joinpath("inquiries.yaml").read_text(encoding="utf-8")
    return parse_inquiries(text, "foremend/vocabulary/catalogue/inquiries.yaml", load_catalogue())


def possible_inquiries(
    category: str, signals: Collection[str], states: Collection[str]
) -> tuple[Inquiry, ...]:
    """Those for appliances of a category that send `signals` and have `states`, in the order of the file."""
    known = load_inquiries().values()
    return tuple(one for one in known if one.category == category and one.is_possible(signals, states))
