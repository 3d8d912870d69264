"""The cases of config.yaml, run: from readings through the engine, or from windows through the rules alone.

Whoever has windows only loads no engine, and rules that are plain Python: a few rows, of which numba would take ten
times the CPU.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from typing import TYPE_CHECKING

import numpy as np

from foremend.config import Settings
from foremend.vocabulary.compiling import interpreted
from foremend.vocabulary.errors import ConfigError
from foremend.vocabulary.profiles import Profile
from foremend.vocabulary.types import MS_PER_DAY, Block
from rules.examples import Example, Expected, Readings, as_expected, outcome

if TYPE_CHECKING:
    from rules.evaluator import RuleBook

_START = 20_000 * MS_PER_DAY  # a midnight, so that hours and days of an example are whole


def untrue(examples: Sequence[Example], settings: Settings, profiles: Mapping[str, Profile]) -> Iterator[str]:
    """A sentence for each of `examples` that does not come true under the rules of `settings`."""
    light = all(example.readings is None for example in examples)
    with interpreted() if light else nullcontext():
        import rules.evaluator  # noqa: F401  the first import decides
    for example in examples:
        yield from _mismatch(example, settings, profiles)


def _mismatch(example: Example, settings: Settings, profiles: Mapping[str, Profile]) -> list[str]:
    try:
        found = run_example(example, settings, profiles)
    except ConfigError as error:
        return [str(error)]
    if found == example.expect:
        return []
    return [f"example '{example.say}': expected {_words(example.expect)}, but found {_words(found)}"]


def _words(findings: Iterable[Expected]) -> str:
    hours = MS_PER_DAY / 24
    said = [f"{one.fault} {one.finding} ({one.severity}) after {one.after / hours:g} h" for one in findings]
    return "; ".join(said) or "nothing"


def run_example(
    example: Example, settings: Settings, profiles: Mapping[str, Profile]
) -> tuple[Expected, ...]:
    """The findings that `example` leads to under the rules of `settings`.

    Raises ConfigError when it names an appliance model that has no profile.
    """
    from rules.evaluator import RuleBook

    if example.appliance_model not in profiles:
        raise ConfigError(f"example '{example.say}': there is no appliance model {example.appliance_model}")
    book, profile = RuleBook(settings.rules), profiles[example.appliance_model]
    if example.readings is None:
        return outcome(example, book.state_for(profile))
    return _lived(example.appliance_model, example.readings, settings, profile, book)


def _lived(
    appliance_model: str, readings: Readings, settings: Settings, profile: Profile, book: RuleBook
) -> tuple[Expected, ...]:
    from foremend.engine.follow import follow  # half a second of CPU

    block = _block(appliance_model, readings)
    lived = follow(profile, [block], rules=book, lateness_ms=settings.ingest.lateness)
    return as_expected(lived.findings, _START)


def _block(appliance_model: str, readings: Readings) -> Block:
    n = max(len(series) for series in readings.signals.values())
    number = np.arange(n, dtype=np.int64)
    signals = {
        name: np.array([*series, *[np.nan] * (n - len(series))]) for name, series in readings.signals.items()
    }
    time = _START + (number + 1) * readings.every
    return Block(appliance_model, ("example",), np.zeros(n, np.int32), time, number, signals)
