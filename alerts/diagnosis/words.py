"""The words of a diagnosis, by language, from the file beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from foremend.vocabulary.schema import Strict, read_yaml, validated

Text = Annotated[str, Field(min_length=1, max_length=200)]
_FILE = Path(__file__).with_name("words.yaml")


class Ages(Strict):
    """How long ago something was; `{n}` is how many."""

    minutes: Text
    hours: Text
    days: Text
    unknown: Text


class Answers(Strict):
    """What becomes of an owner's word."""

    solved: Text
    handed_over: Text
    call: Text
    nothing_open: Text


class Words(Strict):
    """One language."""

    fresh: Text
    no_answer: Text
    offline: Text
    not_asked: Text
    known: Text
    never_heard: Text
    found: Text
    nothing: Text
    not_judged: Text
    ask_owner: Text
    ages: Ages
    urgency: Mapping[int, Text]
    skills: Mapping[str, Text]
    answers: Answers


class _File(Strict):
    en: Words
    zh: Words


@cache
def words() -> Mapping[str, Words]:
    """By language. Raises ConfigError where the file is wrong."""
    found = validated(_File, _read(), str(_FILE))
    return {"en": found.en, "zh": found.zh}


def age(ms: int, of: Words) -> str:
    """How long ago, in the largest unit of which it is one at least; what lies ahead has no age.

    >>> age(7_500_000, words()["en"])
    '2 h ago'
    """
    minutes = ms // 60_000
    if ms < 0:
        return of.ages.unknown
    if minutes < 60:
        return of.ages.minutes.format(n=minutes)
    return (
        of.ages.hours.format(n=minutes // 60) if minutes < 2_880 else of.ages.days.format(n=minutes // 1_440)
    )


def _read() -> Any:
    return read_yaml(_FILE)
