"""One message that names several appliances, or several things that are wrong with one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from alerts.words.composing import (
    SHORT_NAME,
    Said,
    appliance_words,
    names,
    sentences,
    stop_words,
    what_is_wrong,
)
from alerts.words.loading import LanguageWords, words_of
from alerts.words.sms import LINK_ROOM, MOST_PARTS, folded, parts

_MOST_NAMED = 5  # in the first line
_MOST_LINES = 10  # below it, a message each


@dataclass(frozen=True, slots=True)
class Part:
    """What one of the messages says, and the appliance's own name."""

    said: Said
    name: str | None


def digest(found: Sequence[Part], language: str, link: str = "", *, at_home: bool = False) -> str:
    """For channels with room: the appliances, then each message in a line of its own, then how to stop.

    `link` and `at_home` as in `stop_words`.
    """
    words = words_of(language)
    found = _told_apart(found, words)
    lines = [words.brand + _headline(found, words, _MOST_NAMED)]
    for one in found[:_MOST_LINES]:
        whole = sentences(one.said, language, one.name)
        lines.append("- " + replace(whole, brand="", stop="").text())
    if len(found) > _MOST_LINES:
        lines.append("- " + words.more.format(count=len(found) - _MOST_LINES))
    return "\n".join([*lines, stop_words(language, link, at_home=at_home)])


def digest_sms(found: Sequence[Part], language: str, link: str = "", *, at_home: bool = False) -> str:
    """The appliances and how to stop, in MOST_PARTS SMS at most: as many names as that holds, with how many more; where
    it holds none, how many there are."""
    words, room = words_of(language), 0 if link or at_home else LINK_ROOM
    stop = stop_words(language, link, at_home=at_home)
    short = _told_apart([replace(one, name=one.name and one.name[:SHORT_NAME]) for one in found], words)
    for most in range(len(found), 0, -1):
        text = _sms(_headline(short, words, most), words, stop)
        if parts(text + " " * room) <= MOST_PARTS:
            return text
    return _sms(words.digest_subject.format(count=how_many(found)) + ".", words, stop)


def _sms(headline: str, words: LanguageWords, stop: str) -> str:
    return folded(words.brand + words.glue.join([headline, stop]))


def named(found: Sequence[Part], language: str, longest: int) -> str:
    """The appliances in `longest` letters at most, with how many more there are; empty where that holds none."""
    words = words_of(language)
    short = _told_apart([replace(one, name=one.name and one.name[:SHORT_NAME]) for one in found], words)
    for most in range(len(found), 0, -1):
        if len(text := names(_all_called(short, words), words, most)) <= longest:
            return text
    return ""


def digest_subject(found: Sequence[Part], language: str) -> str:
    """A line to go above it."""
    words, count = words_of(language), how_many(found)
    if count > 1:
        return words.digest_subject.format(count=count)
    return words.subject.format(appliance=_called(found[0], words), wrong=_wrongs(found, words, 1))


def _told_apart(found: Sequence[Part], words: LanguageWords) -> list[Part]:
    """Of two refrigerators without a name, which."""
    called = {one.said.appliance_id: _called(one, words) for one in found}
    often = Counter(called.values())
    return [
        one
        if one.name or often[called[one.said.appliance_id]] == 1
        else replace(one, name=_by_id(one, words))
        for one in found
    ]


def _by_id(part: Part, words: LanguageWords) -> str:
    kind = words.kinds.get(part.said.kind, words.kinds["generic"])
    return words.unnamed_id.format(kind=kind, id=part.said.appliance_id[:SHORT_NAME])


def _headline(found: Sequence[Part], words: LanguageWords, most: int) -> str:
    if how_many(found) == 1:
        return words.now.format(appliance=_called(found[0], words), wrong=_wrongs(found, words, most))
    called = _all_called(found, words)
    return words.digest.format(count=len(called), appliances=names(called, words, most))


def _all_called(found: Sequence[Part], words: LanguageWords) -> list[str]:
    called = dict.fromkeys((one.said.appliance_id, _called(one, words)) for one in found)
    return [name for _, name in called]


def how_many(found: Sequence[Part]) -> int:
    """Appliances, of which several messages may tell."""
    return len({one.said.appliance_id for one in found})


def _called(part: Part, words: LanguageWords) -> str:
    return appliance_words(part.said, words.language, part.name)


def _wrongs(found: Sequence[Part], words: LanguageWords, most: int) -> str:
    return names(list(dict.fromkeys(what_is_wrong(one.said, words) for one in found)), words, most)
