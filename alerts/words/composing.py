"""The message to an owner: what is wrong now or soon, what to do, whether somebody comes, how to stop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from alerts.guide import Guide
from alerts.words.loading import LANGUAGES, FaultWords, LanguageWords, words_of
from alerts.words.sms import LINK_ROOM, MOST_PARTS, folded, parts
from foremend.vocabulary.types import Finding, Purpose, Severity

Stage = Literal["soon", "now", "harm"]
"""It is foretold; it is so, and can wait for the morning; it is so, and each hour costs."""

LONGEST_NAME = 40
"""Letters of an appliance's own name."""
SHORT_NAME = 24
"""Of them in an SMS."""
_MOST_DAYS = 999


@dataclass(frozen=True, slots=True)
class Said:
    """What a message says, in no language yet; no name and no address, so that it can lie in the outbox.

    `failure` is the fault by which the appliance has failed already, of which `fault` is the likely cause; `title` has
    the words of a fault that the files do not know.
    """

    stage: Stage
    fault: str
    title: Mapping[str, str]
    days: float | None
    failure: str | None
    kind: str  # category of the appliance model
    appliance_id: str
    ticket: bool

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Said:
        """As it was stored with `dataclasses.asdict`."""
        return cls(**stored)


@dataclass(frozen=True, slots=True)
class Sentences:
    """A message in one language, a sentence each; an empty one is left out."""

    glue: str
    brand: str
    harm: str
    what: str
    do: str
    ticket: str
    stop: str

    def text(self) -> str:
        said = (self.harm, self.what, self.do, self.ticket, self.stop)
        return self.brand + self.glue.join(one for one in said if one)


def what_is_said(finding: Finding, guide: Guide, failure: str | None, kind: str, ticket: bool) -> Said:
    """What to say of a finding. `failure`: a fault other than this one by which the appliance has failed, if any."""
    foretold = finding.probability is not None or finding.days_to_failure is not None
    stage: Stage = "soon"
    if not foretold or failure is not None:
        hurts = guide.is_failure or failure is not None or finding.severity is Severity.CRITICAL
        stage = "harm" if hurts else "now"
    return Said(
        stage=stage,
        fault=finding.fault,
        title=dict(guide.title),
        days=finding.days_to_failure,
        failure=failure if foretold else None,
        kind=kind,
        appliance_id=finding.appliance_id,
        ticket=ticket,
    )


def sentences(said: Said, language: str, name: str | None = None, stop: str = "") -> Sentences:
    """The message in one of LANGUAGES. `name` is the appliance's own; `stop` is how to stop it, else: in the app."""
    words = words_of(language)
    wrong = _fault(said, said.fault, words)
    frame = words.likely if said.failure else words.soon if said.stage == "soon" else words.now
    return Sentences(
        glue=words.glue,
        brand=words.brand,
        harm=words.harm if said.stage == "harm" else "",
        what=frame.format(
            appliance=appliance_words(said, language, name),
            wrong=wrong.wrong,
            when=when_words(said.days, words),
            failure=_fault(said, said.failure, words).wrong if said.failure else "",
        ),
        do=_fault(said, said.failure or said.fault, words).do,
        ticket=words.ticket_open if said.ticket else words.ticket_none,
        stop=stop or words.stop,
    )


def text(said: Said, language: str, name: str | None = None, stop: str = "") -> str:
    """The whole message, for channels with room."""
    return sentences(said, language, name, stop).text()


def texts(said: Said, *, at_home: bool = False) -> dict[str, str]:
    """The whole message in every language, without the appliance's own name; `at_home` as in `stop_words`."""
    return {one: text(said, one, None, stop_words(one, at_home=at_home)) for one in LANGUAGES}


def sms(said: Said, language: str, name: str | None = None, stop: str = "") -> str:
    """The message in MOST_PARTS SMS at most: first who comes is left out, then what to do, and last letters are."""
    short = None if name is None else name[:SHORT_NAME]
    return fitted(sentences(said, language, short, stop), 0 if stop else LINK_ROOM)


def fitted(whole: Sentences, room: int = 0) -> str:
    """As much of it as MOST_PARTS SMS hold with `room` letters left free; how to stop always stays."""
    for one in (whole, replace(whole, ticket=""), replace(whole, ticket="", do="")):
        if parts(folded(one.text()) + " " * room) <= MOST_PARTS:
            return folded(one.text())
    what, bare = whole.what, replace(whole, ticket="", do="")
    while what and parts(folded(replace(bare, what=what + "..").text()) + " " * room) > MOST_PARTS:
        what = what[:-1]
    return folded(replace(bare, what=what + "..").text())


def subject(said: Said, language: str, name: str | None = None) -> str:
    """A line to go above the message, where a channel has one."""
    words = words_of(language)
    return words.subject.format(
        appliance=appliance_words(said, language, name), wrong=what_is_wrong(said, words)
    )


def what_is_wrong(said: Said, words: LanguageWords) -> str:
    """In a few words: what has failed, else what is wrong."""
    return _fault(said, said.failure or said.fault, words).wrong


def appliance_words(said: Said, language: str, name: str | None) -> str:
    """The appliance's own name where it has one, else what kind it is; of no kind that has a word, its id."""
    words = words_of(language)
    if name:
        return words.own_name.format(name=name)
    if said.kind in words.kinds and said.kind != "generic":
        return words.unnamed.format(kind=words.kinds[said.kind])
    return words.unnamed_id.format(kind=words.kinds["generic"], id=said.appliance_id[:SHORT_NAME])


def stop_words(language: str, link: str = "", *, at_home: bool = False) -> str:
    """How to stop such messages: by the link, where there is one; `at_home` by a command, as there is no app."""
    words = words_of(language)
    return words.stop_by.format(link=link) if link else words.stop_at_home if at_home else words.stop


def ending(purpose: Purpose, day: str, *, at_home: bool = False) -> dict[str, str]:
    """The question before a yes ends on `day`, by language; `at_home` with the command that answers it."""
    return {
        one: words.brand
        + (words.ending_at_home if at_home else words.ending).format(purpose=words.purposes[purpose], day=day)
        for one in LANGUAGES
        for words in [words_of(one)]
    }


def plain_sms(whole: str, stop: str = "") -> str:
    """A text that is none of a finding, in MOST_PARTS SMS at most, with how to stop."""
    return fitted(Sentences(" ", "", "", folded(whole), "", "", stop))  # fitted keeps what fits


def names(found: Sequence[str], words: LanguageWords, most: int) -> str:
    """Some names in one line, and how many more there are."""
    shown = [*found[:most]]
    if len(found) > most:
        shown.append(words.more.format(count=len(found) - most))
    return ", ".join(shown) if words.glue else "、".join(shown)


def _fault(said: Said, fault: str, words: LanguageWords) -> FaultWords:
    known = words.faults.get(fault)
    if known is not None:
        return known
    title = said.title.get(words.language) or said.title.get("en") or fault.replace("-", " ")
    return FaultWords(wrong=title[:200], do=words.look)


def when_words(days: float | None, words: LanguageWords) -> str:
    """In how many days it may fail; shortly, where nobody can say."""
    if days is None:
        return words.shortly
    whole = min(max(round(days), 1), _MOST_DAYS)
    return words.within_a_day if whole == 1 else words.in_days.format(days=whole)
