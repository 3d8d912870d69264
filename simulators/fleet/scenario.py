"""Scenarios: a scripted fleet as YAML. Who is in it, who gets which fault when, who goes away, which batch is bad."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import Field, model_validator

from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.schema import Strict, read_yaml, validated
from foremend.vocabulary.types import MS_PER_DAY
from simulators.categories import fault_effect, physics_of
from simulators.fleet.household import CLIMATES
from simulators.fleet.sensors import Imperfections

SHIPPED = Path(__file__).parent / "scenarios"


_REGIONS = {"beijing": 1.0, "shanghai": 1.0, "guangzhou": 1.0, "berlin": 1.0}
_FIRMWARE = {"1.4.2": 0.7, "1.5.0": 0.3}
_BATCHES = {"2025-31": 1.0, "2025-44": 1.0, "2026-02": 1.0}


class ScriptedFault(Strict):
    """One fault for certain; `appliance` is an id such as rf-260-00003."""

    appliance: str
    fault: str
    onset_day: float = Field(ge=0)
    days_to_failure: float | None = Field(default=None, gt=0)  # None: drawn as usual for this fault
    reach: float = Field(default=1.0, gt=0, le=1)  # 1 leads to failure
    repair_day: float | None = Field(default=None, ge=0)  # None: a few days after the failure


class Absence(Strict):
    """Households on holiday: the first `share` of them, or those of the named appliances."""

    from_day: float = Field(ge=0)
    to_day: float
    share: float = Field(default=0.0, ge=0, le=1)
    appliances: tuple[str, ...] = ()


class Outage(Strict):
    """Appliances without a link from `from_day` for `hours`; they upload afterwards."""

    from_day: float = Field(ge=0)
    hours: float = Field(gt=0)
    share: float = Field(default=0.0, ge=0, le=1)
    appliances: tuple[str, ...] = ()


class BadCohort(Strict):
    """A production batch, firmware or region of one appliance model with a fault of its own."""

    by: Literal["batch", "firmware", "region"]
    name: str
    appliance_model: str
    fault: str
    rate: float = Field(ge=0, le=1)


class Cause(Strict):
    """A fault of one appliance model that comes of how each lives (`simulators.fleet.wear`); it comes to each once.

    `starts` of the compressor, `kwh` and hours of running in a home of usual dust wear out a usual one, each by itself;
    what is left out wears nothing.

    >>> Cause(appliance_model="ac-35i", fault="filter-clog", dusty_hours=900).starts is None
    True
    """

    appliance_model: str
    fault: str
    starts: float | None = Field(default=None, gt=0)
    kwh: float | None = Field(default=None, gt=0)
    dusty_hours: float | None = Field(default=None, gt=0)
    spread: float = Field(default=0.3, ge=0, le=2)  # log-normal standard deviation of what units endure

    @model_validator(mode="after")
    def _wears(self) -> Cause:
        if self.starts is None and self.kwh is None and self.dusty_hours is None:
            raise ValueError(f"nothing causes {self.fault}: write 'starts', 'kwh' or 'dusty_hours'")
        return self


class Update(Strict):
    """Firmware `to` reaches the first `share` of the fleet on `day`."""

    to: str
    day: int = Field(ge=0)
    share: float = Field(ge=0, le=1)


class ConsentMix(Strict):
    """Shares of owners: agreed to everything, to watching alone, to nothing, or agreed and later withdrew."""

    full: float = Field(default=0.65, ge=0)
    monitoring_only: float = Field(default=0.10, ge=0)
    none: float = Field(default=0.15, ge=0)
    withdraws: float = Field(default=0.10, ge=0)


class Scenario(Strict):
    """A fleet and what happens to it."""

    name: str = "fleet"
    start: date = date(2026, 3, 1)
    days: int = Field(default=30, gt=0, le=3660)
    appliances: dict[str, int] = Field(min_length=1)  # appliance model -> count
    fault_rate: float = Field(default=0.0, ge=0, le=1)  # probability that an appliance falls ill in this time
    regions: dict[str, float] = Field(default=_REGIONS, min_length=1)  # name -> weight, likewise below
    firmware: dict[str, float] = Field(default=_FIRMWARE, min_length=1)
    batches: dict[str, float] = Field(default=_BATCHES, min_length=1)
    updates: tuple[Update, ...] = ()
    weekends_away: float = Field(default=0.06, ge=0, le=1)
    holidays_per_year: float = Field(default=1.5, ge=0)
    report_every: int = Field(default=1, ge=1)  # appliances send every n-th of their samples
    imperfections: Imperfections = Imperfections()
    faults: tuple[ScriptedFault, ...] = ()
    holidays: tuple[Absence, ...] = ()
    outages: tuple[Outage, ...] = ()
    bad_cohorts: tuple[BadCohort, ...] = ()
    causes: tuple[Cause, ...] = ()
    consent: ConsentMix = ConsentMix()

    @property
    def start_ms(self) -> int:
        """ms UTC of the first midnight."""
        return int(datetime.combine(self.start, datetime.min.time(), UTC).timestamp()) * 1_000

    @property
    def end_ms(self) -> int:
        """ms UTC of the midnight after the last day."""
        return self.start_ms + self.days * MS_PER_DAY

    def resized(self, appliances: int, days: int) -> Scenario:
        """The same story for about `appliances` appliances, at least one a model, and `days` days.

        What is scripted for an appliance that is no longer there is left out.
        """
        share = appliances / sum(self.appliances.values())
        counts = {model: max(1, round(count * share)) for model, count in self.appliances.items()}
        data = self.model_dump() | {"appliances": counts, "days": days}
        data["faults"] = [f for f in data["faults"] if _exists(f["appliance"], counts)]
        for spell in (*data["holidays"], *data["outages"]):
            spell["appliances"] = [a for a in spell["appliances"] if _exists(a, counts)]
        return validated(Scenario, data, f"scenario {self.name}")

    @model_validator(mode="after")
    def _names_exist(self) -> Scenario:
        for model, count in self.appliances.items():
            _complain_unless_possible(model, count)
        unknown = [region for region in self.regions if region not in CLIMATES]
        if unknown:
            raise ValueError(f"no climate {unknown[0]!r}: choose from {', '.join(CLIMATES)}")
        for fault in self.faults:
            fault_effect(self.model_of(fault.appliance), fault.fault)
        for cohort in self.bad_cohorts:
            fault_effect(cohort.appliance_model, cohort.fault)
        for cause in self.causes:
            fault_effect(cause.appliance_model, cause.fault)
            if cause.starts is not None and not _counts_starts(cause.appliance_model):
                raise ValueError(f"{cause.appliance_model} counts no compressor starts: leave 'starts' out")
        twice = [one for one in _kinds(self.causes) if _kinds(self.causes).count(one) > 1]
        if twice:
            raise ValueError(f"two causes of {' of '.join(twice[0])}: put both into one")
        spells: tuple[Absence | Outage, ...] = (*self.holidays, *self.outages)
        for spell in spells:
            for appliance in spell.appliances:
                self.model_of(appliance)
        return self

    def model_of(self, appliance: str) -> str:
        """The appliance model of an id; ConfigError when the fleet has no such appliance."""
        if not _exists(appliance, self.appliances):
            raise ConfigError(f"scenario {self.name!r} has no appliance {appliance!r}")
        return appliance.rpartition("-")[0]


def appliance_id(appliance_model: str, row: int) -> str:
    """Row 0 of rf-260 is rf-260-00001."""
    return f"{appliance_model}-{row + 1:05d}"


def _exists(appliance: str, counts: dict[str, int]) -> bool:
    model, _, number = appliance.rpartition("-")
    return number.isdigit() and 1 <= int(number) <= counts.get(model, 0)


def row_of(appliance: str) -> int:
    """The row within its model that `appliance_id` made this from."""
    return int(appliance.rpartition("-")[2]) - 1


def _kinds(causes: Sequence[Cause]) -> list[tuple[str, str]]:
    return [(one.fault, one.appliance_model) for one in causes]


def _counts_starts(model: str) -> bool:
    return any(signal.name == "compressor_starts" for signal in physics_of(model).signals)


def _complain_unless_possible(model: str, count: int) -> None:
    physics_of(model)
    if count < 1:
        raise ConfigError(f"{count} appliances of {model} is not a fleet: give at least 1")


def shipped() -> list[str]:
    """Names of the scenarios that come with the package."""
    return sorted(path.stem for path in SHIPPED.glob("*.yaml"))


def load_scenario(source: str | Path) -> Scenario:
    """A scenario from a YAML file, or one of `shipped` by its name.

    Raises ConfigError, a sentence a mistake, for a missing file, bad YAML, an unknown key, model, fault or region.
    """
    path = SHIPPED / f"{source}.yaml" if str(source) in shipped() else Path(source)
    if not path.is_file():
        raise ConfigError(f"there is no scenario {source}: name a YAML file or one of {', '.join(shipped())}")
    return validated(Scenario, read_yaml(path), f"scenario {path}")


def as_yaml(scenario: Scenario) -> str:
    """The file that `load_scenario` reads back as the same fleet: what stands first is drawn first."""
    return yaml.safe_dump(scenario.model_dump(mode="json", exclude_defaults=True), sort_keys=False)


def plain_fleet(
    appliances: dict[str, int], days: int, fault_rate: float, start: date | None = None
) -> Scenario:
    """The scenario behind `simulate --appliances N --days D --faults RATE`; ConfigError for bad numbers."""
    data: dict[str, Any] = {"appliances": appliances, "days": days, "fault_rate": fault_rate}
    if start is not None:
        data["start"] = start
    return validated(Scenario, data, "simulate")
