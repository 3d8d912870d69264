"""`foremend replay`: recorded telemetry through the same engine and the same trained models as live readings.

A replay only reports. It opens no ticket and sends no message: what a recording shows happened long ago.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from foremend.config import Settings, load_settings
from foremend.engine.follow import Days, follow
from foremend.engine.lane import Counts
from foremend.history.parquet import ParquetHistory
from foremend.jobs.backtest import backtest
from foremend.learning.in_use import Consulted, consult
from foremend.learning.past import all_of, stored_in
from foremend.learning.stored import open_registry
from foremend.learning.training import Trained
from foremend.learning.truths import read_known
from foremend.runtimes.clock import SystemClock
from foremend.vocabulary.errors import ConfigError, InputError
from foremend.vocabulary.profiles import Profile, load_profiles
from foremend.vocabulary.types import Block
from ingest.replay.mapping import ReplayMapping, load_mapping
from ingest.replay.outcomes import Confirmed, OutcomeColumns
from ingest.replay.together import read_together, recordings
from ingest.values import Decoded
from models.stream.stream import summarise_days
from rules.evaluator import RuleBook
from rules.reach import why_mute
from rules.settings import RulesSettings, SilenceCondition

MOST_REASONS = 20
Readings = Callable[[int], None]
"""Hears how many readings were used so far."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What a replay is to do besides following the appliances."""

    outcomes: Path | None = None  # judge what is found by them
    rules_alone: bool = False  # ask no trained model
    trained: Trained = lambda name, done, total: None
    readings: Readings = lambda used: None


@dataclass
class _Heard:
    """Who was heard from when to when, and what could not be used."""

    wish: Wish
    readings: int = 0
    letters: int = 0
    left_out: int = 0  # rows without a value, or of nobody who is asked for
    reasons: list[str] = field(default_factory=list)
    first_and_last: dict[str, tuple[int, int]] = field(default_factory=dict)

    def blocks(self, parts: Iterable[Decoded]) -> Iterator[Block]:
        """The usable blocks of `parts`; what is in them, and beside them, is noted."""
        for part in parts:
            for block in part.blocks:
                self._note(block)
                yield block
            self.letters += len(part.dead_letters)
            self.left_out += part.ignored
            self.reasons += [one.reason for one in part.dead_letters[: MOST_REASONS - len(self.reasons)]]

    def _note(self, block: Block) -> None:
        size = len(block.appliance_ids)
        first, last = np.full(size, 2**62), np.full(size, -1)
        np.minimum.at(first, block.appliance, block.time)
        np.maximum.at(last, block.appliance, block.time)
        for one, begins, ends in zip(block.appliance_ids, first.tolist(), last.tolist(), strict=True):
            if ends >= 0:
                known = self.first_and_last.get(one, (begins, ends))
                self.first_and_last[one] = (min(known[0], begins), max(known[1], ends))
        self.readings += len(block)
        self.wish.readings(self.readings)


def replay_recording(
    files: Sequence[Path], mapped: Path | ReplayMapping, config: Path | None, wish: Wish | None = None
) -> dict[str, Any]:
    """Runs a day for each appliance, what the rules and the trained models found, and which models those were.

    `files` may name folders. With outcomes also what was told, named and false. Raises InputError when a file cannot be
    read or holds nothing that can be used, ConfigError when a setting, the mapping or a column is wrong.
    """
    settings = load_settings(config)
    mapping = load_mapping(mapped) if isinstance(mapped, Path) else mapped
    profiles, wish = load_profiles(settings.profiles.folders), wish or Wish()
    if mapping.appliance_model not in profiles:
        said_in = mapped if isinstance(mapped, Path) else "the mapping"
        raise ConfigError(
            f"{said_in}: no appliance model {mapping.appliance_model!r}: choose from {', '.join(profiles)}"
        )
    paths = recordings(files, mapping, besides=wish.outcomes)
    specs = {name: profile.signals for name, profile in profiles.items()}
    recorded = {mapping.appliance_model: read_together(paths, mapping, specs)}
    where = ", ".join(map(str, files))
    return {"files": len(paths)} | _replayed(recorded, where, settings, profiles, wish, mapping.outcomes)


def replay_history(
    folder: Path, appliance_model: str | None, config: Path | None, wish: Wish | None = None
) -> dict[str, Any]:
    """The same of what Foremend stored in `folder`, or `foremend simulate` wrote: all appliance models, or one."""
    settings = load_settings(config)
    profiles, history = load_profiles(settings.profiles.folders), stored_in(folder)
    names = history.appliance_models() if appliance_model is None else [appliance_model]
    unknown = [name for name in names if name not in profiles]
    if unknown:
        raise ConfigError(f"{folder}: no appliance model {unknown[0]!r}: choose from {', '.join(profiles)}")
    if not names:
        raise InputError(f"{folder} holds no history: name a folder with appliance_model=.../day=... in it")
    recorded = {name: _stored(history, name) for name in names}
    return _replayed(recorded, str(folder), settings, profiles, wish or Wish(), OutcomeColumns())


def _stored(history: ParquetHistory, appliance_model: str) -> Iterator[Decoded]:
    for block in all_of(history, appliance_model, lambda done, total: None, 0):
        yield Decoded([block], (), readings=len(block))


def _replayed(
    recorded: Mapping[str, Iterable[Decoded]],
    where: str,
    settings: Settings,
    profiles: Mapping[str, Profile],
    wish: Wish,
    columns: OutcomeColumns,
) -> dict[str, Any]:
    outcomes = None if wish.outcomes is None else read_known(wish.outcomes, columns)
    notes = [why for name in recorded if (why := why_mute(settings.rules, profiles[name]))]
    if outcomes is not None and len(notes) == len(recorded):
        raise ConfigError("; ".join(dict.fromkeys(notes)))
    consulted = _consulted(recorded, settings, profiles, wish)
    heard, rules = _Heard(wish), RuleBook(_without_silence(settings))
    lived = {
        name: follow(
            profiles[name],
            heard.blocks(parts),
            rules=rules,
            fitted=consulted.fitted.get(name),
            lateness_ms=settings.ingest.lateness,
        )
        for name, parts in recorded.items()
    }
    result = _result(lived, heard, where)
    result["models"] = [asdict(one) | {"sentence": one.sentence} for one in consulted.models]
    notes += consulted.without
    if outcomes is not None:
        result["backtest"], more = _judged(lived, outcomes, heard, profiles, settings)
        notes += more
    return result | {"notes": list(dict.fromkeys(notes))}


def _consulted(
    names: Iterable[str], settings: Settings, profiles: Mapping[str, Profile], wish: Wish
) -> Consulted:
    if wish.rules_alone:
        return Consulted({}, (), ("no trained model was asked, as --rules-alone says",))
    at = SystemClock().now_ms()
    return consult(names, profiles, open_registry(settings.models), settings.models, wish.trained, at)


def _judged(
    lived: Mapping[str, Days],
    outcomes: Sequence[Confirmed],
    heard: _Heard,
    profiles: Mapping[str, Profile],
    settings: Settings,
) -> tuple[dict[str, Any], Sequence[str]]:
    findings = [one for days in lived.values() for one in days.findings]
    faults = sorted({fault for name in lived for fault in profiles[name].faults})
    return backtest(findings, outcomes, heard.first_and_last, faults, settings.models)


def _result(lived: Mapping[str, Days], heard: _Heard, where: str) -> dict[str, Any]:
    counts = Counts.total(days.counts for days in lived.values())
    if counts.used == 0:
        raise InputError(f"no usable reading in {where}: {'; '.join(heard.reasons[:3]) or 'no rows'}")
    days = sorted(one for each in lived.values() for one in each.by_appliance())
    return {
        "appliances": {one: {"days": summarise_days(rows)} for one, rows in days},
        "findings": [asdict(finding) for each in lived.values() for finding in each.findings],
        "readings": asdict(counts),
        "dead_letters": heard.letters,
        "left_out": heard.left_out,
        "dead_letter_reasons": heard.reasons,
    }


def _without_silence(settings: Settings) -> RulesSettings:
    """A recording that ends is not an appliance that fell silent."""
    kept = tuple(rule for rule in settings.rules.book if not isinstance(rule.when, SilenceCondition))
    return settings.rules.model_copy(update={"book": kept})
