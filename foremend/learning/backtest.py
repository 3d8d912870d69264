"""What was told of a fleet, against what was true: for `foremend replay --outcomes` and for benchmarks alike. Pure.

The protocol stands here and was fixed before any figure.

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
  fault are counted apart (`misnamed_after`). From when it is well again, if that is known, warnings are false again.
- **Several faults of one appliance** are judged each on its own: a warning tells all that are under way. It is
  misnamed if it names none of them, and false if none is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from statistics import median
from typing import Any

from foremend.vocabulary.types import MS_PER_DAY, Finding, FindingKind, Severity

SYMPTOMS = frozenset(
    {
        "abnormal-behaviour",
        "not-cooling",
        "stopped",
        "runs-on",
        "starts-too-often",
        "stuck-meter",
        "power-gone",
    }
)
"""What names no fault of a part: it can tell, and is never the wrong name."""
_SILENT = "silent"
_YEAR_MS = 365.25 * MS_PER_DAY
_NEVER = 2**62
Groups = Mapping[str, frozenset[str]]


@dataclass(frozen=True, slots=True)
class Truth:
    """One appliance as it was; ms UTC. `fault`, `onset` and `failure` are None where it stays well.

    Of several faults each has a truth of its own, with the same begin and end.
    """

    appliance: str
    begin: int
    end: int
    fault: str | None = None
    onset: int | None = None
    failure: int | None = None
    well_again: int | None = None  # None: nothing is known of what followed

    @property
    def ill(self) -> bool:
        """Whether it failed within the recording."""
        return self.failure is not None and self.failure <= self.end

    @property
    def over(self) -> int:
        """When the fault was over; for ever is `_NEVER`."""
        return _NEVER if self.well_again is None else self.well_again

    def under_way(self, time: int) -> bool:
        """Whether the fault, or what it left behind, was there."""
        return self.onset is not None and self.onset <= time < self.over


@dataclass(frozen=True, slots=True)
class Episode:
    """What was said in one episode; `time` when it was first above info, None where it never was."""

    appliance: str
    fault: str
    opened: int
    time: int | None


@dataclass(frozen=True, slots=True)
class Told:
    """What was said of one fault that failed within the recording."""

    truth: Truth
    shown: bool
    told: int | None  # the first warning in time, ms UTC
    named: bool
    misnamed: int
    misnamed_after: bool

    @property
    def lead_days(self) -> float | None:
        """From the first warning to the failure; None where there was none."""
        return (
            None
            if self.told is None or self.truth.failure is None
            else (self.truth.failure - self.told) / MS_PER_DAY
        )


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of a fleet, sorted by what was true."""

    ill: Sequence[Told]
    false: Sequence[Episode]
    well_ms: int  # in which nothing was wrong, over all appliances
    appliances: int

    def figures(self) -> dict[str, Any]:
        """The figures of the module's protocol; shares are None where nobody is ill."""
        false, years = Counter(one.fault for one in self.false), self.well_ms / _YEAR_MS
        faults = sorted({*(str(one.truth.fault) for one in self.ill), *false})
        return {
            **_sums(self.ill),
            "false_per_100": _rounded(100 * false.total() / years if years else None),
            "false": false.total(),
            "well_years": _rounded(years),
            "appliances": self.appliances,
            "misnamed": sum(one.misnamed for one in self.ill),
            "misnamed_after": sum(one.misnamed_after for one in self.ill),
            "faults": {name: self._of(name) | {"false": false[name]} for name in faults},
        }

    def _of(self, fault: str) -> dict[str, Any]:
        return _sums([one for one in self.ill if one.truth.fault == fault])


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


def judged(said: Iterable[Episode], truths: Iterable[Truth], groups: Groups | None = None) -> Judged:
    """What was said, by the module's protocol. Of whom there is no truth nothing counts."""
    by_appliance: dict[str, list[Episode]] = {}
    for one in said:
        by_appliance.setdefault(one.appliance, []).append(one)
    ill: list[Told] = []
    false: list[Episode] = []
    well_ms = appliances = 0
    for appliance, each in groupby(sorted(truths, key=_who), key=_who):
        mine, heard = list(each), by_appliance.get(appliance, [])
        ill += [_told(truth, mine, heard, groups or {}) for truth in mine if truth.ill]
        false += [one for one in heard if _is_false(one, mine)]
        well_ms += _well_ms(mine)
        appliances += 1
    return Judged(ill, false, well_ms, appliances)


def score(said: Iterable[Episode], truths: Iterable[Truth], groups: Groups | None = None) -> dict[str, Any]:
    """The figures of what was said."""
    return judged(said, truths, groups).figures()


def _who(truth: Truth) -> str:
    return truth.appliance


def _told(truth: Truth, mine: Sequence[Truth], said: Sequence[Episode], groups: Groups) -> Told:
    onset, failure = truth.onset, truth.failure
    assert onset is not None
    assert failure is not None
    right = _names(truth, groups)
    warned = [(one.time, one.fault) for one in said if one.time is not None]
    before = [(at, fault) for at, fault in warned if onset <= at < failure]
    wrong = [
        at
        for at, fault in warned
        if truth.under_way(at)
        and fault not in SYMPTOMS
        and not any(fault in _names(other, groups) for other in mine if other.under_way(at))
    ]
    return Told(
        truth,
        shown=any(onset <= one.opened < failure for one in said),
        told=min((at for at, _ in before), default=None),
        named=any(fault in right for _, fault in before),
        misnamed=sum(at < failure for at in wrong),
        misnamed_after=any(at >= failure for at in wrong),
    )


def _names(truth: Truth, groups: Groups) -> set[str]:
    """What is right to call it."""
    return {str(truth.fault), *(group for group, faults in groups.items() if truth.fault in faults)}


def _is_false(said: Episode, mine: Sequence[Truth]) -> bool:
    at = said.time
    return at is not None and at <= mine[0].end and not any(truth.under_way(at) for truth in mine)


def _well_ms(mine: Sequence[Truth]) -> int:
    """From begin to end without the time in which any fault was under way."""
    begin, end = mine[0].begin, mine[0].end
    well, until = 0, begin
    for onset, over in sorted((truth.onset, truth.over) for truth in mine if truth.onset is not None):
        well += max(min(onset, end) - until, 0)
        until = max(until, over)
    return well + max(end - until, 0)


def _sums(ill: Sequence[Told]) -> dict[str, Any]:
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
