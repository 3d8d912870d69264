"""What `foremend replay` shows of a file that came without a mapping, and what it does with the one it made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.markup import escape

from foremend.terminal import emit, people
from foremend.vocabulary.errors import ConfigError, InputError

if TYPE_CHECKING:
    from foremend.jobs.inspect import Inspection
    from ingest.replay.mapping import ReplayMapping


@dataclass(frozen=True, slots=True)
class Look:
    """What was asked of a file without a mapping."""

    yes: bool = False
    write_mapping: Path | None = None
    timezone: str | None = None
    appliance_model: str | None = None

    @property
    def is_asked(self) -> bool:
        """Whether anything was that a mapping would say."""
        return self.yes or self.write_mapping is not None or self.timezone is not None


def look_first(files: Sequence[Path], look: Look, config: Path | None, as_json: bool) -> ReplayMapping | None:
    """Shows what the first file is; the mapping for it where it is to be replayed now, None where not.

    Raises InputError, after it was shown, where more of the file would be refused than used.
    """
    from foremend.jobs.inspect import inspect_recording

    found = inspect_recording(files, look.appliance_model, look.timezone, config)
    if look.write_mapping is not None:
        _write(look.write_mapping, found.text)
    if as_json and not look.yes:
        emit(found.as_dict())
    elif not as_json:
        _show(found, look)
    if found.trial.used <= found.trial.refused:
        why = "; ".join(found.trial.reasons) or "no rows"
        raise InputError(
            f"{found.file}: more would be refused than used: {why}: write a mapping (--write-mapping)"
        )
    return found.inspected.mapping if look.yes else None


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8") as new:
            new.write(text)
    except FileExistsError:
        raise ConfigError(f"{file} is there already: name another file, or move it away") from None
    except OSError as error:
        raise ConfigError(f"{file} cannot be written: {error.strerror}") from error


def _show(found: Inspection, look: Look) -> None:
    from rich.console import Console

    from foremend.jobs.inspect import span
    from foremend.terminal import pairs_table

    trial = found.trial
    peaks = ", ".join(f"{name} {value:.4g}" for name, value in trial.highest.items())
    rows = {"used": f"{trial.used} rows, {span(trial)}"}
    if trial.refused or trial.left_out:
        rows["not used"] = (
            f"{trial.refused} refused, {trial.left_out} left out; {'; '.join(trial.reasons)}".rstrip("; ")
        )
    pairs = found.inspected.seen | {"appliance": ", ".join(trial.appliances[:10]) or "none"} | rows
    console = Console()
    console.print(
        pairs_table(
            found.file.name, {key: escape(value) for key, value in pairs.items()} | {"highest": peaks}
        )
    )
    for one in found.inspected.assumed:
        _say(f"assumed: {one}")
    if look.write_mapping is not None:
        _say(
            f"{look.write_mapping} is written; then: foremend replay {found.file} --mapping {look.write_mapping}"
        )
    elif not look.yes:
        console.print(found.text, markup=False, highlight=False, soft_wrap=True)
        _say("nothing was replayed: --yes does it so, --write-mapping FILE writes the mapping, to be changed")


def _say(sentence: str) -> None:
    people.print(escape(sentence), highlight=False, soft_wrap=True)
