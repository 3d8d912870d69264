"""`foremend check`: everything that a process would refuse, and the examples where they could have become untrue."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foremend.config import Written, shipped
from foremend.plan import Problem, Process, examine, notes, refusal
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.schema import parse_duration

_DECIDE = ("rules", "examples", "profiles")
"""The sections that decide whether examples come true; of ingest it is `lateness` alone."""


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

    `examples` None plays them where the file has other rules, examples or profiles than the one that Foremend ships,
    whose examples its own tests play: playing takes seconds, since it loads what judges readings. They need a file
    that is right.
    """
    found = examine(path, process)
    if found.written is None:
        return Checked({}, found.problems)
    problems, played = found.problems, 0
    if not problems and (_differs(found.written) if examples is None else examples):
        problems = tuple(_untrue(found.written, found.profiles))
        played = len(found.written.settings.examples)
    return Checked(
        _counts(found.written, found.profiles, played), problems, tuple(notes(found.profiles.values()))
    )


def _counts(written: Written, profiles: Mapping[str, Profile], played: int) -> dict[str, int]:
    return {
        "appliance_models": len(profiles),
        "rules": len(written.settings.rules.book),
        "examples": len(written.settings.examples),
        "examples_played": played,
    }


def _differs(written: Written) -> bool:
    """Whether anything that decides the examples is not as shipped."""
    ours, theirs = written.data, shipped()
    lateness = parse_duration(theirs["ingest"]["lateness"])
    return written.settings.ingest.lateness != lateness or any(
        ours.get(key) != theirs.get(key) for key in _DECIDE
    )


def _untrue(written: Written, profiles: Mapping[str, Profile]) -> Iterator[Problem]:
    from foremend.jobs.examples import untrue  # loads the engine

    for sentence in untrue(written.settings, profiles):
        yield Problem("examples", sentence, "correct the example, or the rule that it is about")
