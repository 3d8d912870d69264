"""`foremend check`: everything that a process would refuse, and the examples where they could have become untrue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foremend.config import Settings, Written
from foremend.jobs.doubt import doubtful
from foremend.plan import Problem, Process, examine, notes, refusal
from foremend.plan.notes import unnamed
from foremend.vocabulary.profiles import Profile
from rules.examples import Example
from rules.settings import RulesSettings


@dataclass(frozen=True, slots=True)
class Checked:
    """What was looked at, counted, and what is wrong."""

    counts: Mapping[str, int]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...] = ()  # what can be run, and could be better

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: the counts, and of each problem and note where it is, what it is and what to do."""
        found = {"problems": self.problems, "notes": self.notes}
        return {**self.counts, **{name: [one.as_dict() for one in each] for name, each in found.items()}}

    def require(self) -> None:
        """Raises what a process would end with, a line for each problem."""
        if self.problems:
            raise refusal(self.problems)


def check_config(path: Path | None, process: Process | None = None, examples: bool | None = None) -> Checked:
    """See that `process` could start (`foremend.plan`), without one that any could; then play the examples.

    `examples` None plays those of windows that could have become untrue, as `doubtful` has it, for what Foremend ships
    its own tests play, and notes how many of readings could have: to load what judges readings takes longer than all
    else together. They need a file that is right.
    """
    found = examine(path, process)
    if found.written is None:
        return Checked({}, found.problems)
    problems, played, left = found.problems, list[Example](), list[Example]()
    if not problems and examples is not False:
        settings = found.written.settings
        played = list(settings.examples) if examples else doubtful(found.written, found.profiles)
        left = [] if examples else [one for one in played if one.readings is not None]
        played = [one for one in played if one not in left]
        problems = tuple(_untrue(played, settings, found.profiles))
    rules = RulesSettings() if problems else found.written.settings.rules
    named = unnamed(found.written.settings.service)
    noted = (*named, *_unplayed(left), *notes(found.profiles.values(), rules))
    return Checked(_counts(found.written, found.profiles, len(played), len(left)), problems, noted)


def _counts(written: Written, profiles: Mapping[str, Profile], played: int, left: int) -> dict[str, int]:
    return {
        "appliance_models": len(profiles),
        "rules": len(written.settings.rules.book),
        "examples": len(written.settings.examples),
        "examples_played": played,
        "examples_left": left,
    }


def _unplayed(left: Sequence[Example]) -> Iterator[Problem]:
    """Who reads no note must not think that they came true."""
    if left:
        said = (
            f"{len(left)} examples of readings could have become untrue and were not played: --examples does"
        )
        yield Problem("examples", said, "foremend check --examples")


def _untrue(
    examples: Sequence[Example], settings: Settings, profiles: Mapping[str, Profile]
) -> Iterator[Problem]:
    if not examples:
        return
    from foremend.jobs.examples import untrue  # loads what judges

    for sentence in untrue(examples, settings, profiles):
        yield Problem("examples", sentence, "correct the example, or the rule that it is about")
