"""A stranger's recording, looked at: what its file is, and the mapping that would read it. Nothing is asked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from foremend.vocabulary.errors import InputError
from ingest.inspection.head import Head, look
from ingest.inspection.ids import by_name
from ingest.inspection.inspected import Inspected, names_of, tell
from ingest.inspection.roles import Seen, time_of
from ingest.inspection.signals import signals_of
from ingest.replay.columns import words
from ingest.replay.moments import NO_TIME, other_order, times

_RARE_MS = 10 * 60_000
_FEW = 20
_ZONE = r"(Z|UTC|GMT|[+-]\d{2}:?\d{2}|[+-]\d{2})( [A-Z]{2,5})?( ?\(.*\))?$"
_HELD = 1.5


def inspect(
    path: Path, appliance_model: str, timezone: str | None = None, together: bool = False
) -> Inspected:
    """Looks at one file; `timezone` is for times that carry none. `together`: it is one of several files.

    Raises InputError where it has no time, or nothing that could be power, current or voltage.
    """
    head = look(path)
    found = time_of(head.columns)
    if found is None:
        raise InputError(
            f"{path}: no column is a time: it has {names_of(head)}; say in a mapping which (examples/mappings)"
        )
    when, format_ = found
    result = Inspected()
    result.written = {"appliance_model": appliance_model}
    rest = [one for one in head.columns if one not in when]
    signals, ids, beside = signals_of(path, head, rest, when, result)
    result.written["appliance_id"] = ids or by_name(path, together)
    result.written["time"] = _time(when, format_, timezone, result)
    result.written["signals"] = signals
    if beside:
        result.written["beside"] = beside
    _text(head, result)
    _rare(head, when, format_, result)
    tell(head, when, format_, signals, result)
    return result


def _text(head: Head, result: Inspected) -> None:
    """What a text file needs to be read again as it was looked at."""
    if head.delimiter not in ("", ","):
        result.written["delimiter"] = head.delimiter
    if not head.header:
        result.written["header"] = False


def _time(when: Sequence[Seen], format_: str, timezone: str | None, result: Inspected) -> dict[str, Any]:
    columns = [one.column for one in when]
    time: dict[str, Any] = {"column": columns if len(columns) > 1 else columns[0]}
    if _has_no_zone(when, format_):
        time["timezone"] = timezone or "UTC"
        if timezone is None:
            result.assumed.append(
                "times carry no zone, and are taken for UTC: --timezone Europe/Berlin says otherwise"
            )
    if (other := other_order([one.cells for one in when], format_)) is not None:
        result.assumed.append(
            f"days and months could be either, and are taken for {format_}:"
            f' `format: "{other}"` with the mapping\'s time says otherwise'
        )
    return time


def _has_no_zone(when: Sequence[Seen], format_: str) -> bool:
    if format_.startswith("epoch"):
        return False
    if format_ == "a timestamp":
        return when[0].cells.type.tz is None
    said = [word for word in words(when[0].cells) if word][:_FEW]
    with_zone = [word for word in said if re.search(_ZONE, word[10:])]
    return len(when) > 1 or len(with_zone) <= len(said) / 2  # units may stand below the names


def _rare(head: Head, when: Sequence[Seen], format_: str, result: Inspected) -> None:
    """What comes less than every ten minutes is a mean, or was recorded on change: it stands until the next."""
    if head.writer == "home-assistant":
        return
    time = times(
        [one.cells for one in when], "auto" if format_ == "a timestamp" else format_, ZoneInfo("UTC")
    ).first
    steps = np.abs(np.diff(time[time != NO_TIME]))
    steps = steps[steps > 0]
    usual = int(np.median(steps)) if len(steps) else 0
    if usual > _RARE_MS:
        minutes = round(usual * _HELD / 60_000)
        result.written["holds_for"] = f"{minutes} min"
        result.assumed.append(
            f"a row comes every {usual / 60_000:g} min: a value stands until the next, {minutes} min at most"
        )
