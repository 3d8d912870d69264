"""The words of each language, a file each beside this one."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from foremend.vocabulary.schema import Strict, read_yaml, validated
from foremend.vocabulary.types import Purpose

LANGUAGES = ("zh", "en", "de", "es", "fr")
Text = Annotated[str, Field(min_length=1, max_length=200)]


class FaultWords(Strict):
    """What is wrong, to go before a full stop, and what the owner should do, with what is dangerous."""

    wrong: Text
    do: Text


class StopWords(Strict):
    """The page behind the link in a message; `{purpose}` is one of `purposes`. `_all`: of one that named several;
    `_at_home`: of a household, which has no service desk, but the command line."""

    ask: Text
    ask_all: Text
    button: Text
    done: Text
    done_all: Text
    rest: Text
    again: Text
    again_at_home: Text
    dead: Text
    busy: Text


class ContactPageWords(Strict):
    """The page behind the link in a message to a trusted contact."""

    well: Text
    away: Text
    day: Text
    days: Text
    say: Text
    stop_text: Text
    stop: Text
    thanks: Text
    stopped: Text
    dead: Text


class ContactWords(Strict):
    """To a trusted contact: `says` has a sentence for each word of `alerts.wellbeing.telling`, with `{name}` of the
    household and, as they fit, times: `{since}` the last sign of life, `{by}` when there usually is one, `{until}`."""

    brand: Text
    subject: Text
    unnamed: Text
    link: Text
    page: ContactPageWords
    says: Mapping[Literal["look", "call", "go", "shift", "seen", "well", "away"], Text]


class LanguageWords(Strict):
    """One language. `glue` stands between sentences; the words in braces are filled in."""

    language: str
    brand: Text
    glue: str
    soon: Text
    now: Text
    likely: Text
    harm: Text
    shortly: Text
    within_a_day: Text
    in_days: Text
    ticket_open: Text
    ticket_none: Text
    stop: Text
    stop_at_home: Text
    stop_by: Text
    stop_page: StopWords
    to_contact: ContactWords
    look: Text
    digest: Text
    more: Text
    ending: Text
    ending_at_home: Text
    subject: Text
    digest_subject: Text
    own_name: Text
    unnamed: Text
    unnamed_id: Text
    steps: Text
    kinds: Mapping[str, Text]
    purposes: Mapping[Purpose, Text]
    faults: Mapping[str, FaultWords]


@cache
def words_of(language: str) -> LanguageWords:
    """The words of one of LANGUAGES. Raises ConfigError where its file is wrong."""
    path = Path(__file__).with_name(f"{language}.yaml")
    return validated(LanguageWords, read_yaml(path), str(path))


def nearest_language(wanted: str, otherwise: str) -> str:
    """The one of LANGUAGES that `wanted` is (`de-AT` is `de`), else `otherwise`."""
    base = wanted.replace("_", "-").partition("-")[0].lower()
    return base if base in LANGUAGES else otherwise
