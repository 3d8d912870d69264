"""Owners' words from appliances, on their way to the ledger; what is refused becomes a dead letter without them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from foremend.vocabulary.device_words import DeviceWord
from foremend.vocabulary.errors import InputError
from foremend.vocabulary.topics import consent_topic, is_about_consent
from foremend.vocabulary.types import DeadLetter

HearWord = Callable[[DeviceWord], None]
"""Keeps a word, once however often it comes; raises InputError for one that may not be kept."""
Insist = Callable[[Callable[[], None]], None]
"""Does it until it works or cannot work."""
_CARRIED = "an owner's word, for the ledger"


def nobody_hears(word: DeviceWord) -> None:
    """Where there is no ledger."""
    raise InputError("nothing is known of owners here")


def refused_words(words: Sequence[DeviceWord], hear: HearWord, insist: Insist) -> list[DeadLetter]:
    """Hands each word on, in their order; answers a letter for each that is refused, with the reason alone."""
    return list(_refused(words, hear, insist))


def _refused(words: Sequence[DeviceWord], hear: HearWord, insist: Insist) -> Iterator[DeadLetter]:
    for word in words:
        try:
            insist(partial(hear, word))
        except InputError as error:
            topic = consent_topic(word.appliance_model, word.appliance_id)
            yield DeadLetter(topic, b"", f"consent: {error}", word.received)


def carried(word: DeviceWord) -> DeadLetter:
    """A word as it goes through Kafka, on the topic of dead letters: they come one after the other for an appliance."""
    topic = consent_topic(word.appliance_model, word.appliance_id)
    return DeadLetter(topic, word.to_json(), _CARRIED, word.received)


def word_in(letter: DeadLetter) -> DeviceWord | None:
    """The word that `carried` put into a letter; None of a letter that is one. Raises InputError for one of neither."""
    if letter.reason != _CARRIED or not is_about_consent(letter.topic):
        return None
    return DeviceWord.from_json(letter.payload)
