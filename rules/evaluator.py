"""Questions in, findings out. Array work per row, Python only per finding.

Rows of one appliance, kind and set of columns are taken in event-time order; one that is not newer than all before it
is passed over, since it could only rewrite a verdict that was already acted on. Where rules of different kinds share a
fault, ask in event-time order across kinds too. How rows are cut into questions changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.leaving import Leaving, joined, staying, taken
from foremend.vocabulary.types import Finding
from rules._kernel import advance, fresh, may_begin
from rules.conditions import SILENCES, AppliedRule, Kind, RulesProfile, applied
from rules.episodes import Episodes, Verdict
from rules.findings import Seen, closing, finding
from rules.question import Question
from rules.reach import check_rules, concerns
from rules.settings import RulesSettings
from rules.spells import (
    ESCALATES,
    NEVER,
    Spells,
    no_spells,
    packed,
    taking,
    told,
    unpacked,
    with_room,
    without,
)
from rules.told import still_to_tell

_NEVER = np.full(1, NEVER, np.int64)


class RuleBook:
    """All rules of config.yaml, ready to be applied to appliance models."""

    def __init__(self, settings: RulesSettings) -> None:
        self._settings = settings

    def state_for(self, profile: RulesProfile) -> RuleState:
        """Fresh state for one appliance model. Raises ConfigError when a rule's unit is not the profile's."""
        updates = self._settings.updates
        ready = [applied(rule, profile, updates) for rule in self._settings.book if concerns(rule, profile)]
        return RuleState(profile.name, [w for w in ready if w is not None], updates.at_most_every)

    def check(self, profiles: Iterable[RulesProfile]) -> None:
        """Raises ConfigError for a rule that could never speak, as `check_rules` does."""
        check_rules(self._settings, profiles)


class RuleState:
    """Where every appliance of one model stands with every rule."""

    def __init__(self, appliance_model: str, applied: Sequence[AppliedRule], update_every: int) -> None:
        self._appliance_model = appliance_model
        self._applied = tuple(applied)
        self._latest: dict[str, NDArray[np.int64]] = {}
        self._spells: dict[str, Spells] = {}
        self._episodes = Episodes(update_every)
        self._abandoned: set[tuple[int, str]] = set()
        self._fleet = 0

    @property
    def least_silence(self) -> float:
        """The shortest silence that any rule tells, ms; inf where none does."""
        return min(self.least_silent(column) for column in SILENCES)

    def least_silent(self, column: str) -> float:
        """The shortest that any rule tells of one column of a silence, ms; inf where none does."""
        return min((w.rule.opens_at for w in self._applied if w.column == column), default=np.inf)

    def evaluate(self, asked: Question) -> list[Finding]:
        """What the rules say, in the order of the rows. Of an appliance they come in event-time order."""
        self._fleet = len(asked.ids)
        latest = self._latest[asked.series] = _grown(self._latest.get(asked.series), self._fleet)
        asked = asked.only(fresh(asked.rows.appliance, asked.rows.time, latest))
        findings = self._close_abandoned(asked)
        if asked.kind != "prediction":
            return findings + self._judged(asked)
        return findings + [
            one for piece in asked.one_by_one() for one in self._judged(self._still_to_tell(piece))
        ]

    def _judged(self, asked: Question) -> list[Finding]:
        findings = []
        seen = [
            one
            for watched in self._applied
            if watched.kind == asked.kind
            for column in watched.columns(asked.rows.names)
            for one in self._follow(watched, column, asked)
        ]
        for one in sorted(seen, key=lambda s: s.row):  # stable: in one row, in the order of the book
            fault = one.applied.fault(asked.rows.names[one.column])
            change = self._episodes.take((int(asked.rows.appliance[one.row]), fault), one.verdict)
            if change is not None:
                findings.append(finding(self._appliance_model, change, fault, one, asked))
        return findings

    def _follow(self, watched: AppliedRule, column: int, asked: Question) -> Iterator[Seen]:
        """Verdicts of one rule on one column, in the order of the rows."""
        rows, name, fleet = asked.rows, asked.rows.names[column], len(asked.ids)
        holder = f"{watched.rule.name}/{name}"
        value = np.ascontiguousarray(rows.values[:, column])
        severe = watched.severe(value, asked.days_to_failure(column))
        closed = self._episodes.closed(watched.fault(name), fleet)
        signed, news = watched.sign * value, asked.is_news
        spells = with_room(self._spells.get(holder, no_spells(0)), fleet, 0)
        begin = may_begin(rows.appliance, signed, news, spells, watched.limits)
        spells = self._spells[holder] = with_room(spells, fleet, min(begin, fleet))
        events = advance(rows.appliance, rows.time, signed, severe, news, closed, spells, watched.limits)
        for row, code, since in zip(*(array.tolist() for array in events), strict=True):
            severity = watched.severity(code == ESCALATES or severe[row])
            verdict = Verdict(code, holder, watched.rule.name, severity, int(rows.time[row]), since)
            yield Seen(row, column, watched, verdict)

    def _still_to_tell(self, asked: Question) -> Question:
        predicting = [watched for watched in self._applied if watched.kind == "prediction"]
        if not predicting:
            return asked
        names, rows = asked.rows.names, asked.rows.appliance
        held = np.zeros((len(rows), len(names)), np.bool_)
        for watched in predicting:
            for column in watched.columns(names):
                held[:, column] |= self._held(watched, names[column], self._fleet)[rows]
        failed = np.zeros(self._fleet, np.bool_)
        for watched in self._applied:
            if watched.rule.means_failure:
                failed |= self._held(watched, watched.column, self._fleet)
        return still_to_tell(asked, held, failed[rows], min(w.rule.opens_at for w in predicting))

    def _held(
        self, watched: AppliedRule, column: str, fleet: int, *, severe: bool = False
    ) -> NDArray[np.bool_]:
        """(fleet,) of whom a rule holds an episode open on one of its columns; of `severe` ones alone, if asked."""
        held = np.zeros(fleet, np.bool_)
        spells = self._spells.get(f"{watched.rule.name}/{column}")
        if spells is not None:
            these = spells.held & spells.severe if severe else spells.held
            rows = spells.whose[these & (spells.whose >= 0)]
            held[rows[rows < fleet]] = True
        return held

    def _close_abandoned(self, asked: Question) -> list[Finding]:
        """Closes episodes whose rules were taken out of the settings, when their appliance is next heard of."""
        findings = []
        for row, fault in sorted(self._abandoned):
            at = np.flatnonzero(asked.rows.appliance == row)
            if len(at):
                self._abandoned.discard((row, fault))
                time = int(asked.rows.time[at[0]])
                episode = self._episodes.close((row, fault), time)
                findings.append(closing(asked.ids[row], self._appliance_model, fault, episode, time))
        return findings

    def holds(self, kind: Kind, fleet: int) -> NDArray[np.bool_]:
        """(fleet,) of whom a rule of `kind` holds an episode open."""
        held = np.zeros(fleet, np.bool_)
        for watched in self._applied:
            if watched.kind == kind:
                held |= self._held(watched, watched.column, fleet)
        return held

    def has_said(
        self, kind: Kind, fleet: int, asked_of: Mapping[str, NDArray[np.bool_]]
    ) -> NDArray[np.bool_]:
        """(fleet,) of whom every rule of `kind` has said all it could: it holds an episode open, and is as severe as
        it gets. Of all where no rule is of this kind; one on a column of `asked_of` is of those there, (fleet,), alone.
        """
        said = np.ones(fleet, np.bool_)
        for watched in self._applied:
            if watched.kind == kind:
                held = self._held(watched, watched.column, fleet, severe=watched.rule.escalate is not None)
                said &= held | ~asked_of[watched.column] if watched.column in asked_of else held
        return said

    def leave(self, leaving: Leaving) -> dict[str, Any]:
        """See `foremend.vocabulary.leaving`: spells and episodes go along."""
        latest = {series: taken(times, _NEVER, leaving.gone) for series, times in self._latest.items()}
        self._latest = {series: staying(times, leaving) for series, times in self._latest.items()}
        spells = {}
        for holder, those in self._spells.items():
            self._spells[holder], spells[holder] = without(those, leaving), told(those, leaving.gone)
        episodes, self._fleet = self._episodes.leave(leaving), len(leaving.kept)
        self._abandoned = self._episodes.abandoned()
        return {"latest": latest, "spells": spells, "episodes": episodes}

    def join(self, part: Mapping[str, Any], rows: NDArray[np.intp]) -> None:
        """Take back what `leave` answered; an episode whose rules are gone from the book closes at its next window."""
        rules = {watched.rule.name for watched in self._applied}
        for series, times in part["latest"].items():
            known = self._latest.get(series, _NEVER[:0])
            self._latest[series] = joined(known, _NEVER, rows, times)
        for holder, columns in part["spells"].items():
            if holder.split("/")[0] in rules:
                self._spells[holder] = taking(self._spells.get(holder, no_spells(0)), rows, columns)
        self._episodes.join(part["episodes"], rows, list(self._spells))
        self._fleet = max(self._fleet, int(rows.max(initial=-1)) + 1)
        self._abandoned = self._episodes.abandoned()

    def snapshot(self) -> dict[str, Any]:
        """Everything, as arrays and plain values; without the room that they have for a growing fleet."""
        fleet = self._fleet
        return {
            "latest": {series: times[:fleet].copy() for series, times in self._latest.items()},
            "spells": {holder: packed(spells, fleet) for holder, spells in self._spells.items()},
            "episodes": self._episodes.snapshot(fleet),
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Back to `snapshot`; episodes whose rules are no longer in the book close at their next window."""
        rules = {watched.rule.name for watched in self._applied}
        self._latest = {series: np.array(times) for series, times in snapshot["latest"].items()}
        self._fleet = max(map(len, self._latest.values()), default=0)
        self._spells = {
            holder: unpacked(said, self._fleet)
            for holder, said in snapshot["spells"].items()
            if holder.split("/")[0] in rules
        }
        self._episodes.restore(snapshot["episodes"], list(self._spells))
        self._abandoned = self._episodes.abandoned()


def _grown(times: NDArray[np.int64] | None, fleet: int) -> NDArray[np.int64]:
    """`times` for at least `fleet` appliances, with room to spare so that a growing fleet is cheap."""
    if times is None:
        return np.full(fleet, NEVER, np.int64)
    if len(times) >= fleet:
        return times
    return np.concatenate([times, np.full(2 * fleet - len(times), NEVER, np.int64)])
