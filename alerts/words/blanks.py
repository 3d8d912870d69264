"""What goes into the blanks of an SMS that an operator approved beforehand: a word for each, in Chinese."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from alerts.words.composing import SHORT_NAME, Said, appliance_words, sentences, what_is_wrong, when_words
from alerts.words.digest import Part, how_many, named
from alerts.words.loading import words_of
from foremend.vocabulary.types import Purpose

Kind = Literal[
    "soon", "now", "harm", "several", "ending", "look", "call", "go", "shift", "seen", "well", "away"
]
"""What a message says: a stage of a finding, a digest, a consent that ends, or what a trusted contact is told."""
LANGUAGE = "zh"
LONGEST = 35
"""Letters of what goes into one blank, by Alibaba Cloud's rules for notifications (1 to 35)."""

STOP = "stop"
"""The last part of the link that stops such messages: what stands before it is in the approved text."""
_FINDING = frozenset({"appliance", "wrong", "do", STOP})
_CONTACT = frozenset({"name", STOP})
NAMES: Mapping[str, frozenset[str]] = {
    "soon": _FINDING | {"when"},
    "now": _FINDING,
    "harm": _FINDING,
    "several": frozenset({"count", "appliances", STOP}),
    "ending": frozenset({"purpose", "day", STOP}),
    "look": _CONTACT | {"since", "by"},
    "call": _CONTACT | {"since", "by"},
    "go": _CONTACT | {"since", "by"},
    "shift": _CONTACT | {"since"},
    "seen": _CONTACT,
    "well": _CONTACT,
    "away": _CONTACT | {"until"},
}
"""The blanks that a template of each kind may have."""


@dataclass(frozen=True, slots=True)
class Blanks:
    """What a message says, by blank; `kind` is one of NAMES."""

    kind: str
    words: Mapping[str, str]


def of_finding(said: Said, name: str | None, link: str) -> Blanks:
    """Of one finding. `name` is the appliance's own, `link` stops such messages; empty where there is none."""
    words = words_of(LANGUAGE)
    found = {
        "appliance": appliance_words(said, LANGUAGE, _own(name)),
        "wrong": what_is_wrong(said, words),
        "do": sentences(said, LANGUAGE).do,
        "when": when_words(said.days, words),
    }
    return _blanks(said.stage, found, link)


def of_several(found: Sequence[Part], link: str) -> Blanks:
    """Of a digest: as many names as the blank holds."""
    called = named([replace(one, name=_own(one.name)) for one in found], LANGUAGE, LONGEST)
    return _blanks("several", {"count": str(how_many(found)), "appliances": called}, link)


def of_ending(purpose: Purpose, day: str, link: str) -> Blanks:
    """Of a consent that ends on `day`."""
    return _blanks("ending", {"purpose": words_of(LANGUAGE).purposes[purpose], "day": day}, link)


def to_contact(word: str, own: str | None, found: Mapping[str, str], link: str) -> Blanks:
    """To a trusted contact; `word` is what is told, `own` what this person calls the household, `found` what
    `ContactWords.says` are filled with."""
    return _blanks(word, {**found, "name": _own(own) or words_of(LANGUAGE).to_contact.unnamed}, link)


def _blanks(kind: str, found: Mapping[str, str], link: str) -> Blanks:
    said = {**found, STOP: link.rpartition("/")[2]}
    return Blanks(kind, {name: _plain(said[name]) for name in sorted(NAMES[kind])})


def _own(name: str | None) -> str | None:
    """A name that somebody gave; None of one that is all pictures, as the service refuses an empty blank."""
    return _plain(name or "")[:SHORT_NAME].strip() or None


def _plain(word: str) -> str:
    """Without what operators refuse, as they keep 【】 for the signature and take no pictures; never cut in a pair."""
    kept = "".join(one for one in word if one not in "【】[]" and one.isprintable() and ord(one) <= 0xFFFF)
    return kept.strip()[:LONGEST]
