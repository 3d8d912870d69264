"""Raw MQTT messages -> blocks of readings, presence and dead letters. Never raises for what a device sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.topics import (
    OURS,
    STATUS_WILDCARD,
    TELEMETRY_WILDCARD,
    parse_status_topic,
    parse_telemetry_topic,
)
from foremend.vocabulary.types import Block, DeadLetter, RawMessage
from ingest.batch import Batch, Waiting
from ingest.canonical import CanonicalPayload
from ingest.check import check_arrays, check_single
from ingest.columns import CheckedReadings
from ingest.dead_letters import REASONS_SHOWN, bounded
from ingest.decoders import build_decoders
from ingest.decoders.base import Said, presence
from ingest.durations import spell
from ingest.last_words import LastWords
from ingest.quarantine import Quarantine, sift
from ingest.repeats import RecentMessages, digest_of
from ingest.settings import IngestSettings
from ingest.values import ApplianceKey, Decoded, DeviceReading, Ignored, SignalSpecs

Check = Callable[[CanonicalPayload, Waiting, CheckedReadings, Batch], None]
"""Turns payloads that wait into rows and dead letters; it changes nothing else, so it can be done again."""

_TOPICS_REMEMBERED = 500_000
_UNKNOWN_NAMES_REMEMBERED = 1_000
_NAME_SHOWN = 80  # characters of a name that a device made up


class Ingest:
    """Decodes batches of messages; holds the last state of devices that send changes only.

    Canonical telemetry is checked by one pydantic call a batch and appliance model (two where single readings and
    arrays come mixed). `signals` says which appliance models exist and what each of their signals can measure.
    Raises ConfigError where a decoder's mapping does not fit them. What raises by a mistake of ours is searched for
    among the messages, and `quarantine` counts and tells it.
    """

    def __init__(self, settings: IngestSettings, signals: SignalSpecs) -> None:
        self._settings = settings
        self._names = {model: tuple(specs) for model, specs in signals.items()}
        self._payloads = {
            model: CanonicalPayload(specs, settings.max_readings) for model, specs in signals.items()
        }
        self._decoders = build_decoders(settings.decoders, signals, self._payloads)
        self._topics: dict[str, tuple[ApplianceKey, bool]] = {}
        self._unknown: dict[str, set[str]] = {model: set() for model in signals}
        self._recent = RecentMessages()
        self._last_words = LastWords()
        self.quarantine = Quarantine()

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT filters that bring everything this can decode."""
        filters = chain(
            (TELEMETRY_WILDCARD, STATUS_WILDCARD), *(decoder.subscriptions for decoder in self._decoders)
        )
        return tuple(dict.fromkeys(filters))

    def decode(self, messages: Sequence[RawMessage]) -> Decoded:
        """What `messages`, in order of arrival, say. Cost: about 4 us a message of one reading in batches of 1,000."""
        batch = Batch(messages, self._settings.dead_letter_bytes)
        for position, message in enumerate(messages):
            self._sort(position, message, batch)
        for model, waiting in batch.single.items():
            self._check(check_single, model, waiting, batch)
        for model, waiting in batch.arrays.items():
            self._check(check_arrays, model, waiting, batch)
        blocks = [block for model, rows in batch.rows.items() for block in self._blocks(model, rows, batch)]
        for digest in batch.settle_copies():
            self._recent.forget(digest)
        readings = sum(map(len, blocks))
        return Decoded(blocks, batch.dead_letters, batch.presence, batch.ignored, batch.repeated, readings)

    def letter(self, message: RawMessage, reason: str) -> DeadLetter:
        """The dead letter of a message that could be decoded, and raised later."""
        letter = DeadLetter(message.topic, message.payload, reason, message.received)
        return bounded(letter, self._settings.dead_letter_bytes)

    def snapshot(self) -> Mapping[str, Any]:
        """The devices' last states and words, which unknown signals were reported, and the last messages' digests."""
        return {
            "recent": self._recent.snapshot(),
            "last_words": self._last_words.snapshot(),
            "decoders": [decoder.snapshot() for decoder in self._decoders],
            "unknown": {model: sorted(names) for model, names in self._unknown.items()},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken; decoders are matched by their order in the settings."""
        self._recent.restore(snapshot["recent"])
        self._last_words.restore(snapshot.get("last_words", {}))
        for decoder, state in zip(self._decoders, snapshot["decoders"], strict=False):
            decoder.restore(state)
        for model, names in snapshot["unknown"].items():
            if model in self._unknown:
                self._unknown[model] = set(names)

    def _sort(self, position: int, message: RawMessage, batch: Batch) -> None:
        """Put canonical telemetry aside for checking; deal with anything else at once."""
        try:
            known = self._topics.get(message.topic) or self._canonical(message.topic)
            self._check_size(message)
            if known is None:
                self._take_device(position, message, batch)
            elif known[0].appliance_model not in self._payloads:
                raise InputError(f"appliance model '{known[0].appliance_model}' has no profile")
            elif known[1]:
                self._wait(position, known[0], message, batch)
            else:
                batch.take(position, presence(known[0], message))
        except InputError as error:
            batch.reject(position, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of one message
            batch.reject(position, self.quarantine.reason("decode", error))

    def _check(self, check: Check, model: str, waiting: Waiting, batch: Batch) -> None:
        """What waits, checked; a payload that the check raises for becomes a dead letter, the others are used."""

        def attempt(places: Sequence[int]) -> None:
            part = waiting if len(places) == len(waiting) else waiting.only(places)
            rows = CheckedReadings()
            with batch.as_before_if_it_raises():
                check(self._payloads[model], part, rows, batch)
            batch.rows[model].extend(rows.readings, rows.appliance_ids, rows.messages)

        def alone(place: int, error: Exception) -> None:
            batch.reject(waiting.positions[place], self.quarantine.reason("decode", error))

        sift(range(len(waiting)), attempt, alone)

    def _blocks(self, model: str, rows: CheckedReadings, batch: Batch) -> list[Block]:
        """The rows as one block, or as several around a message that cannot become one."""
        blocks: list[Block] = []

        def attempt(messages: Sequence[int]) -> None:
            part = rows if len(messages) == len(every) else rows.of_messages(messages)
            unknown = set(self._unknown[model])
            try:
                with batch.as_before_if_it_raises():
                    blocks.append(self._block(model, part, batch))
            except Exception:
                self._unknown[model] = unknown
                raise

        def alone(position: int, error: Exception) -> None:
            batch.reject(position, self.quarantine.reason("decode", error))

        every = sorted(set(rows.messages))
        if every:
            sift(every, attempt, alone)
        return [block for block in blocks if len(block)]

    def _wait(self, position: int, appliance: ApplianceKey, message: RawMessage, batch: Batch) -> None:
        """Put a message aside for checking, unless it came before."""
        digest = digest_of(message.topic, message.payload)
        if digest in batch.firsts:
            batch.copies.append((position, batch.firsts[digest]))
        elif digest in self._recent:
            batch.repeated += 1
        else:
            batch.firsts[digest] = position
            self._recent.remember(digest)
            batch.wait(position, appliance, message.payload)

    def _canonical(self, topic: str) -> tuple[ApplianceKey, bool] | None:
        """The appliance of a canonical topic, and whether it brings telemetry (else status)."""
        telemetry = parse_telemetry_topic(topic)
        found = telemetry or parse_status_topic(topic)
        if found is None:
            return None
        if len(self._topics) >= _TOPICS_REMEMBERED:
            self._topics.clear()
        self._topics[topic] = known = (ApplianceKey(*found), telemetry is not None)
        return known

    def _check_size(self, message: RawMessage) -> None:
        size, limit = len(message.payload), self._settings.max_payload_bytes
        if size > limit:
            raise InputError(f"payload of {size} bytes, more than max_payload_bytes = {limit}")

    def _take_device(self, position: int, message: RawMessage, batch: Batch) -> None:
        for decoder in self._decoders:
            said = decoder.decode(message)
            if said is not None:
                return batch.take(position, self._news(message, said))
        if message.topic.startswith(OURS):
            return batch.take(position, Ignored())
        raise InputError(
            "topic: neither dt/appliance/{appliance_model}/{appliance_id}/telemetry nor a decoder's"
        )

    def _news(self, message: RawMessage, said: Said) -> Said:
        """`said`, unless it is a value of unknown age that the broker kept: a dead device's last word is no news.

        Moquette 0.17 does not mark what it kept; what is told from it is that the topic's last value comes again just
        after a subscription.
        """
        if not isinstance(said, DeviceReading) or said.time != message.received:
            return said
        again = self._last_words.again(message.topic, message.payload)
        return Ignored() if message.retained or (again and message.just_subscribed) else said

    def _block(self, model: str, rows: CheckedReadings, batch: Batch) -> Block:
        """The checks that need more than one reading's payload, on columns; then the block."""
        names, rows = self._names[model], rows.in_order_of_arrival()
        self._report_unknown(model, rows, batch)
        time, values = rows.times(), rows.matrix(len(names))
        reasons = self._reasons(model, rows, time - batch.received[rows.messages], values)
        if reasons:
            batch.reject_rows(rows, sorted(reasons.items()))
            good = np.delete(np.arange(len(time)), list(reasons))
            rows, time, values = rows.keep(good), time[good], values[good]
        block = rows.block(model, names, time, values)
        batch.used.update(rows.messages)
        return _in_order_of_time(block)

    def _reasons(
        self, model: str, rows: CheckedReadings, ahead: NDArray[np.int64], values: NDArray[np.float64]
    ) -> dict[int, str]:
        """Row -> why it cannot be used; `ahead` (n,) ms after reception, `values` (n, signals)."""
        empty = f"signals: none that {model} has ({', '.join(self._names[model])})"
        reasons = dict.fromkeys(np.flatnonzero(np.isnan(values).all(axis=1)).tolist(), empty)
        return reasons | self._untimely(ahead) | dict(_foreign(model, rows))

    def _untimely(self, ahead: NDArray[np.int64]) -> dict[int, str]:
        """Row -> whose clock is wrong, or what is older than anybody keeps."""
        limit, oldest = self._settings.clock_ahead, self._settings.oldest
        reasons = {
            row: f"ts: {spell(int(ahead[row]))} ahead of reception, more than clock_ahead = {spell(limit)}"
            for row in np.flatnonzero(ahead > limit).tolist()
        }
        if oldest is not None:
            for row in np.flatnonzero(ahead < -oldest).tolist():
                reasons[row] = (
                    f"ts: {spell(-int(ahead[row]))} before reception, more than oldest = {spell(oldest)}"
                )
        return reasons

    def _report_unknown(self, model: str, rows: CheckedReadings, batch: Batch) -> None:
        """Leave out signals that the profile lacks; the first message with each says so as a dead letter."""
        reported = self._unknown[model]
        by_row: dict[int, list[str]] = {}
        for name, row in rows.take_unknown_signals(len(self._names[model])).items():
            short = name[:_NAME_SHOWN]
            if short not in reported and len(reported) < _UNKNOWN_NAMES_REMEMBERED:
                reported.add(short)
                by_row.setdefault(row, []).append(f"signals.{short}")
        for row, names in by_row.items():
            batch.reject_row(rows, row, _unknown(model, names))


def _unknown(model: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - REASONS_SHOWN} more" if len(names) > REASONS_SHOWN else ""
    shown = ", ".join(names[:REASONS_SHOWN])
    return f"{shown}{more}: {model} has no such signal; the others are used (said once a name)"


def _in_order_of_time(block: Block) -> Block:
    """Some brokers let messages overtake each other; what came together must not make its own past too late."""
    if (block.time[1:] >= block.time[:-1]).all():
        return block
    return block.take(np.argsort(block.time, kind="stable"))


def _foreign(model: str, rows: CheckedReadings) -> Iterator[tuple[int, str]]:
    """Rows that name another appliance, or appliance model, than their topic."""
    for row in rows.with_more_keys():
        for key, expected in (("appliance_model", model), ("appliance_id", rows.appliance_ids[row])):
            named = rows.readings[row].get(key, expected)
            if named != expected:
                yield row, f"{key}: {named!r:.80} in the payload, '{expected}' in the topic"
