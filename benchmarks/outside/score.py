"""What was told of a fleet, against what was true. Pure; the protocol stands here and was fixed before any figure.

- **Ill** is an appliance whose fault failed within the recording. One that falls ill and does not fail in it asks
  nothing, and its time from the onset on counts nowhere.
- A **warning** is an episode of a severity above info about the appliance; its time is when it first was above info.
  Silence is no fault: those episodes are left out.
- **Told**: a warning from the onset on and before the failure, whatever it names. **Shown**: the same of episodes of
  any severity. **Named**: a warning in that time that names the fault, or a group of faults that holds it.
  An episode from before the onset that is still open tells nothing: it was luck.
- **Lead**: days from the first warning that tells to the failure, the median over those told.
- **False**: a warning about an appliance that stays well, or about an ill one before its onset. They are counted over
  the time in which nothing was wrong, per 100 appliance-years, and by the fault that they name.
- **Misnamed**: a warning between onset and failure that names a fault, but another. It tells, and is not false.
- **After the failure** nothing tells and nothing is false; ill appliances about which a warning then names another
  fault are counted apart (`misnamed_after`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Severity

SYMPTOMS = frozenset({"abnormal-behaviour", "not-cooling"})
"""What names no fault of a part: it can tell, and is never the wrong name."""
_SILENT = "silent"
_YEAR_MS = 365.25 * MS_PER_DAY
Groups = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Truth:
    """One appliance as it was; ms UTC. `fault`, `onset` and `failure` are None where it stays well."""

    appliance: str
    begin: int
    end: int
    fault: str | None = None
    onset: int | None = None
    failure: int | None = None

    @property
    def ill(self) -> bool:
        """Whether it failed within the recording."""
        return self.failure is not None and self.failure <= self.end

    @property
    def well_ms(self) -> int:
        """How long nothing was wrong."""
        return (self.end if self.onset is None else min(self.onset, self.end)) - self.begin


@dataclass(frozen=True, slots=True)
class Episode:
    """What was said in one episode; `time` when it was first above info, None where it never was."""

    appliance: str
    fault: str
    opened: int
    time: int | None


def episodes(findings: Iterable[Finding]) -> list[Episode]:
    """The episodes that findings, in the order of time, speak of."""
    found: dict[str, Episode] = {}
    for one in findings:
        if one.fault == _SILENT or one.kind is FindingKind.CLOSED:
            continue
        before = found.get(one.episode_id)
        at = one.time if one.severity is not Severity.INFO else None
        if before is None:
            found[one.episode_id] = Episode(one.appliance_id, one.fault, one.time, at)
        elif before.time is None and at is not None:
            found[one.episode_id] = Episode(before.appliance, before.fault, before.opened, at)
    return list(found.values())


def score(said: Sequence[Episode], truths: Sequence[Truth], groups: Groups | None = None) -> dict[str, Any]:
    """The figures of the module's protocol; shares are None where nobody is ill."""
    by_appliance: dict[str, list[Episode]] = {}
    for one in said:
        by_appliance.setdefault(one.appliance, []).append(one)
    ill = [_Ill(truth, by_appliance.get(truth.appliance, []), groups or {}) for truth in truths if truth.ill]
    false = Counter(
        one.fault for truth in truths for one in _false(by_appliance.get(truth.appliance, []), truth)
    )
    years = sum(truth.well_ms for truth in truths) / _YEAR_MS
    names = sorted({*(one.fault for one in ill), *false})
    return {
        **_sums(ill),
        "false_per_100": _rounded(100 * false.total() / years if years else None),
        "false": false.total(),
        "well_years": _rounded(years),
        "appliances": len(truths),
        "misnamed": sum(one.misnamed for one in ill),
        "misnamed_after": sum(one.misnamed_after for one in ill),
        "faults": {
            name: _sums([o for o in ill if o.fault == name]) | {"false": false[name]} for name in names
        },
    }


class _Ill:
    """One ill appliance and what was said about it."""

    def __init__(self, truth: Truth, said: Sequence[Episode], groups: Groups) -> None:
        assert truth.fault is not None
        assert truth.onset is not None
        assert truth.failure is not None
        onset, failure = truth.onset, truth.failure
        right = {truth.fault, *(group for group, faults in groups.items() if truth.fault in faults)}
        before = [one for one in said if one.time is not None and onset <= one.time < failure]
        wrong = [one for one in said if one.time is not None and one.fault not in right | SYMPTOMS]
        self.fault = truth.fault
        self.shown = any(onset <= one.opened < failure for one in said)
        self.named = any(one.fault in right for one in before)
        self.misnamed = sum(one in before for one in wrong)
        self.misnamed_after = any(one.time is not None and one.time >= failure for one in wrong)
        told = min((one.time for one in before if one.time is not None), default=None)
        self.lead_days = None if told is None else (failure - told) / MS_PER_DAY


def _false(said: Sequence[Episode], truth: Truth) -> list[Episode]:
    until = truth.end + 1 if truth.onset is None else truth.onset
    return [one for one in said if one.time is not None and one.time < until]


def _sums(ill: Sequence[_Ill]) -> dict[str, Any]:
    lead = [one.lead_days for one in ill if one.lead_days is not None]
    return {
        "ill": len(ill),
        "told": _share(len(lead), len(ill)),
        "shown": _share(sum(one.shown for one in ill), len(ill)),
        "named": _share(sum(one.named for one in ill), len(ill)),
        "lead_days": _rounded(median(lead) if lead else None),
    }


def _share(count: int, of: int) -> float | None:
    return _rounded(count / of) if of else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)
