"""`foremend replay FILE` without a mapping: what the file is, and what would be used of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from foremend.config import load_settings
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.profiles import load_profiles, profile_of
from ingest.inspection.inspected import Inspected
from ingest.inspection.inspection import inspect
from ingest.replay.files import is_table
from ingest.replay.recording import read_file
from ingest.values import SignalSpecs

USUAL_MODEL = "generic-compressor"
_MOST_REASONS = 3


@dataclass(slots=True)
class Trial:
    """What comes of a file with the mapping that was made for it."""

    used: int = 0  # rows
    refused: int = 0  # rows, or a value beside good ones
    left_out: int = 0  # rows without a value, or of others
    first: int | None = None  # ms UTC
    last: int | None = None
    appliances: list[str] = field(default_factory=list)
    highest: dict[str, float] = field(default_factory=dict)  # of each signal, in the profile's unit
    reasons: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file, the mapping for it, and what was read with that."""

    file: Path
    inspected: Inspected
    trial: Trial

    @property
    def text(self) -> str:
        """The mapping as a file, with what was assumed as comments."""
        head = [f"# Made of {self.file.name} by `foremend replay`. All keys: examples/mappings/README.md"]
        head += [f"# assumed: {one}" for one in self.inspected.assumed]
        body = yaml.safe_dump(
            self.inspected.written, sort_keys=False, allow_unicode=True, default_flow_style=None
        )
        return "\n".join([*head, body])

    def as_dict(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "file": str(self.file),
            "seen": self.inspected.seen,
            "assumed": self.inspected.assumed,
            "mapping": self.inspected.written,
            "trial": asdict(self.trial),
        }


def inspect_recording(
    files: Sequence[Path], appliance_model: str | None, timezone: str | None, config: Path | None
) -> Inspection:
    """Looks at the first of the files, or of a folder, and reads it on trial.

    Raises InputError where it cannot be read, or nothing in it is a time or a quantity that is known here.
    """
    profiles = load_profiles(load_settings(config).profiles.folders)
    model = appliance_model or USUAL_MODEL
    profile_of(profiles, model)
    found = [file for path in files for file in _files(path)]
    inspected = inspect(found[0], model, timezone, together=len(found) > 1)
    specs = {name: profile.signals for name, profile in profiles.items()}
    for name in inspected.without({*specs[model]}):
        inspected.assumed.append(f"{name} is left out: {model} has no such signal")
    return Inspection(found[0], inspected, _tried(found[0], inspected, specs))


def _files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    files = [file for file in sorted(path.iterdir()) if file.is_file() and is_table(file)]
    if not files:
        raise InputError(f"{path} holds no table that can be replayed")
    return files


def _tried(file: Path, inspected: Inspected, specs: SignalSpecs) -> Trial:
    trial, names = Trial(), dict[str, None]()
    parts = (part for one in inspected.mapping.each for part in read_file(file, one, specs))
    for part in parts:
        trial.refused += len(part.dead_letters)
        trial.left_out += part.ignored
        trial.reasons += [one.reason for one in part.dead_letters[: _MOST_REASONS - len(trial.reasons)]]
        for block in part.blocks:
            trial.used += int((block.seq >= 0).sum())  # what stood in between has no number
            first, last = int(block.time.min()), int(block.time.max())
            trial.first = first if trial.first is None else min(first, trial.first)
            trial.last = last if trial.last is None else max(last, trial.last)
            names |= dict.fromkeys(block.appliance_ids[one] for one in np.unique(block.appliance))
            for name, column in block.signals.items():
                if not np.isnan(column).all():
                    trial.highest[name] = max(trial.highest.get(name, -np.inf), float(np.nanmax(column)))
    trial.appliances = list(names)
    return trial


def span(trial: Trial) -> str:
    """From when to when, in UTC."""
    if trial.first is None or trial.last is None:
        return "none"
    first, last = (datetime.fromtimestamp(one / 1_000, UTC) for one in (trial.first, trial.last))
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"
