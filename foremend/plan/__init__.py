"""What a configuration would need before anything starts: `foremend check` and the processes themselves ask here.

Reads files; makes none, opens no socket and no database. Every finding is a sentence with its place in the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from foremend.config import Settings, Written, read_settings
from foremend.plan.devices import broker, decoders
from foremend.plan.judgement import appliance_models, costs, rules
from foremend.plan.kafka import cluster
from foremend.plan.notes import notes
from foremend.plan.places import places
from foremend.plan.problem import Problem, found_by, refusal
from foremend.plan.telling import telling
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import Profile, read_profiles

__all__ = ["PROCESSES", "Examined", "Plan", "Problem", "Process", "examine", "make_plan", "notes", "refusal"]

Process = Literal["run", "service", "gateway", "worker"]
PROCESSES: tuple[Process, ...] = get_args(Process)


@dataclass(frozen=True, slots=True)
class Plan:
    """A configuration that can be run: nothing of what `examine` looks for is wrong with it."""

    settings: Settings
    profiles: dict[str, Profile]


@dataclass(frozen=True, slots=True)
class Examined:
    """What a file says, as far as it can be used, and everything that is wrong; None where it could not be read."""

    written: Written | None
    profiles: dict[str, Profile]
    problems: tuple[Problem, ...]


def make_plan(path: Path | None, process: Process) -> Plan:
    """The configuration of `path` (as `load_settings`) for one process.

    Raises ConfigError with one line for each thing wrong that this process needs, MissingExtraError where an extra is
    all that is missing.
    """
    found = examine(path, process)
    if found.problems or found.written is None:
        raise refusal(found.problems)
    return Plan(found.written.settings, found.profiles)


def examine(path: Path | None, process: Process | None = None) -> Examined:
    """Everything that `process` would refuse, in the order of the file; without one, what any would that it is for.

    What is wrong in one part hides nothing in another. `kafka:` is looked at where it is written.
    """
    try:
        written = read_settings(path)
    except ConfigError as error:
        return Examined(None, {}, (Problem(str(path or "config.yaml"), str(error), "write a file of YAML"),))
    profiles, wrong = read_profiles(written.settings.profiles.folders)
    unusable = frozenset(file.stem for file in wrong)
    found = [*_mistakes(written), *_profiles(wrong), *_parts(written, profiles, unusable, process)]
    return Examined(written, profiles, tuple(one for one in found if not _is_blind(one, written)))


def _parts(
    written: Written, profiles: Mapping[str, Profile], unusable: frozenset[str], process: Process | None
) -> Iterator[Problem]:
    """What is wrong with the parts that `process` needs."""
    settings = written.settings
    if _needs(process, "run", "service", "worker"):
        yield from found_by(places(settings))
    if _needs(process, "run", "gateway"):
        yield from found_by(broker(settings.mqtt))
    if process in ("gateway", "worker") or (process is None and "kafka" in written.data):
        yield from found_by(cluster(settings.kafka))
    if _needs(process, "run", "gateway"):
        yield from decoders(written, profiles, unusable)
    if _needs(process, "run", "worker"):
        yield from appliance_models(written, profiles, unusable)
        yield from rules(written, profiles, unusable)
        if not unusable:
            yield from costs(settings.models.costs, profiles)
    if _needs(process, "run", "service", "worker"):
        yield from found_by(telling(written))
    shares = process in ("service", "worker") or (process is None and "kafka" in written.data)
    if shares and settings.alerts.home_assistant is not None:
        yield Problem(
            "alerts.home_assistant",
            "alerts.home_assistant: only `foremend run` tells Home Assistant: no service or worker ever would",
            "take it out, or run a household's appliances with `foremend run`",
        )


def _needs(process: Process | None, *those: Process) -> bool:
    return process is None or process in those


def _mistakes(written: Written) -> Iterator[Problem]:
    for mistake in written.mistakes:
        section = str(mistake.keys[0]) if mistake.keys else "every key"
        mend = f"see {section} in the config.yaml that Foremend ships"
        yield Problem(mistake.where, mistake.said_of(str(written.file)), mend)


def _profiles(wrong: Mapping[Path, ConfigError]) -> Iterator[Problem]:
    for file, error in wrong.items():
        yield Problem(str(file), str(error), "see CONTRIBUTING.md, 'Add an appliance model'")


def _is_blind(problem: Problem, written: Written) -> bool:
    """Whether it is about a default that stands for what was written wrong, which is told already."""
    said = {mistake.said_of(str(written.file)) for mistake in written.mistakes}
    spots = written.left_out - set(written.places)
    return problem.what not in said and any(
        problem.where == spot or problem.where.startswith((f"{spot}.", f"{spot}[")) for spot in spots
    )
