"""The fault catalogue: what each fault is, how it shows, how long it leaves and what to do about it.

The words live in `faults.yaml`, Chinese names of parts in `parts.yaml`; the physics of each fault lives in
`simulators/`, under the same names.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal, Self, TypeVar

import yaml
from pydantic import Field, TypeAdapter, ValidationError, model_validator
from rich.table import Table

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import KebabName, Strict, parse_yaml
from foremend.vocabulary.types import Severity

Category = Literal["air-conditioner", "refrigerator", "washing-machine", "water-heater", "any"]
Direction = Literal["up", "down"]
Skill = Literal["refrigeration", "electrical", "mechanical", "plumbing", "cleaning"]
Growth = Literal["sudden", "progressive", "intermittent"]

BEHAVIOURS = frozenset(
    {
        "run_length",
        "pause_length",
        "starts_per_day",
        "duty",
        "fill_time",
        "drain_time",
        "heat_time",
        "spin_up_time",
        "energy_per_day",
    }
)
"""What a fault may change besides a signal: lengths of runs and phases, starts and energy, the share of time on."""


class Words(Strict):
    """A text in the languages we speak to owners and to who serves them."""

    en: Annotated[str, Field(min_length=1)]
    zh: Annotated[str, Field(min_length=1)]


class Steps(Strict):
    """What the owner may try, in order, in each language; the two lists match step by step."""

    en: tuple[str, ...]
    zh: tuple[str, ...]

    @model_validator(mode="after")
    def _same_steps(self) -> Self:
        if len(self.en) != len(self.zh):
            raise ValueError(f"{len(self.en)} steps in English but {len(self.zh)} in Chinese")
        return self


class FaultEntry(Strict):
    """One fault.

    `signals` maps a signal, or one of BEHAVIOURS, to the direction it goes while the fault grows (cooling, where
    an air conditioner's direction depends on the season). `signature` says by how much at the failure, for each way in
    which it may show (`models.predictors.signatures`): of a day's features, as a log ratio or in the unit of what is
    compared as a difference, or of a ratio of two of them (`current / power while cooling`); what comes first must be
    seen to move, and 0 must not, which excludes other faults. `shows` is the same of a fault that looks like use: it
    names nothing by itself, and what was trained is believed only on days that it explains. `looks_like` names a
    commoner fault that shows much the same: while this one is not plain, what speaks for it speaks for that one, too.
    `picture`: the drawing that shows what `self_help` asks for, where one helps (`foremend/console/static/help`).
    `skill`: the trade of whoever mends it; None where that has to be found out first.
    `is_failure`: the appliance does its work no more, whatever the cause.
    `days_to_failure` is the typical span, in days, from the first observable sign to the failure.
    """

    name: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    category: Category
    title: Words
    mechanism: Words
    signals: dict[str, Direction]
    signature: tuple[dict[str, float], ...] = ()
    shows: tuple[dict[str, float], ...] = ()
    looks_like: str | None = None
    growth: Growth
    days_to_failure: tuple[Annotated[float, Field(ge=0)], Annotated[float, Field(ge=0)]]
    technician_finds: Words
    parts: tuple[str, ...] = ()
    skill: Skill | None = None
    self_help: Steps | None = None
    picture: KebabName | None = None
    severity: Severity
    safety: Words | None = None
    at_stake: tuple[Literal["food", "water"], ...] = ()
    is_failure: bool = False
    sources: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        low, high = self.days_to_failure
        if low > high:
            raise ValueError(f"days_to_failure [{low:g}, {high:g}] must go from low to high")
        return self

    @property
    def stakes(self) -> tuple[str, ...]:
        """What is lost where nobody comes in time: `safety`, `food`, `water`."""
        safety = ("safety",) if self.safety else ()
        food = ("food",) if self.category == "refrigerator" else ()
        return tuple(dict.fromkeys((*safety, *food, *self.at_stake)))


Entries = TypeVar("Entries")
_ENTRIES = TypeAdapter(tuple[FaultEntry, ...])


def parse_entries(adapter: TypeAdapter[Entries], text: str, where: str) -> Entries:
    """What `adapter` makes of a text in YAML. Raises ConfigError, naming `where`, when it is not YAML or not that."""
    try:
        return adapter.validate_python(parse_yaml(text))
    except yaml.YAMLError as error:
        raise ConfigError(f"{where} is not YAML: {error}") from error
    except ValidationError as error:
        raise ConfigError(f"{where} has a wrong entry: {_first_problem(error)}") from error


def parse_catalogue(text: str, where: str) -> dict[str, FaultEntry]:
    """The entries of a catalogue in YAML, by name, in the order they are written.

    Raises ConfigError, naming `where`, when the text is not YAML, an entry is wrong or a name comes twice.
    """
    entries = parse_entries(_ENTRIES, text, where)
    catalogue = {entry.name: entry for entry in entries}
    if len(catalogue) < len(entries):
        raise ConfigError(f"{where} names a fault twice: give every fault a name of its own")
    for entry in entries:
        if entry.looks_like is not None and entry.looks_like not in catalogue:
            raise ConfigError(f"{where}: {entry.name} looks like {entry.looks_like!r}, which has no entry")
    return catalogue


@cache
def load_catalogue() -> dict[str, FaultEntry]:
    """The catalogue that ships with Foremend, by fault name. Read once; do not change what it returns."""
    text = files(__name__).joinpath("faults.yaml").read_text(encoding="utf-8")
    return parse_catalogue(text, "foremend/vocabulary/catalogue/faults.yaml")


@cache
def part_titles() -> dict[str, dict[str, str]]:
    """The names of parts by language, under the English one, which tickets and events have. Read once; do not change
    what it returns."""
    text = files(__name__).joinpath("parts.yaml").read_text(encoding="utf-8")
    return {name: {"en": name, "zh": chinese} for name, chinese in parse_yaml(text).items()}


def faults_table(entries: Iterable[FaultEntry]) -> Table:
    """What `foremend faults` prints: one row per fault, for a person at a terminal of any width."""
    table = Table(show_lines=True)
    table.add_column("Fault", no_wrap=True)
    table.add_column("What it is, how it shows, what to do")
    for entry in entries:
        table.add_row(*table_row(entry))
    return table


def table_row(entry: FaultEntry) -> tuple[str, str]:
    """The two cells of one fault in `faults_table`: who it is, and everything else a line each."""
    low, high = entry.days_to_failure
    about = [
        entry.mechanism.en,
        _line("Shows as", ", ".join(f"{name} {direction}" for name, direction in entry.signals.items())),
        f"First sign to failure: {low:g} to {high:g} days",
        f"Technician finds: {entry.technician_finds.en}",
        _line("Parts", ", ".join(entry.parts)),
        _line("Owner may try", " ".join(entry.self_help.en) if entry.self_help else ""),
        _line("Safety", entry.safety.en if entry.safety else ""),
    ]
    who = (entry.name, entry.category, entry.growth, entry.severity)
    return "\n".join(who), "\n".join(line for line in about if line)


def _line(title: str, text: str) -> str:
    return f"{title}: {text}" if text else ""


def _first_problem(error: ValidationError) -> str:
    """Where an entry is wrong first, and how."""
    problem = error.errors()[0]
    place = ".".join(str(part) for part in problem["loc"])
    return f"{place}: {problem['msg']}"
