"""Raw MQTT messages -> blocks of readings, presence and dead letters. Never raises for what a device sent."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import chain
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from foremend.vocabulary.errors import InputError
from foremend.vocabulary.topics import (
    CANONICAL,
    OURS,
    is_about_consent,
    is_appliance_id,
    parse_status_topic,
    parse_telemetry_topic,
)
from foremend.vocabulary.types import Block, DeadLetter, RawMessage
from ingest.batch import Batch, LeftOut, Waiting
from ingest.canonical import CanonicalPayload
from ingest.check import check_arrays, check_single
from ingest.clocks import Clocks
from ingest.columns import CheckedReadings, Columns
from ingest.dead_letters import REASONS_SHOWN, bounded
from ingest.decoders import build_decoders
from ingest.decoders.base import AS_OF_ARRIVAL, presence
from ingest.device_words import read_word
from ingest.durations import spell
from ingest.forgetting import without
from ingest.last_words import LastWords
from ingest.payloads import PlainPayloads
from ingest.quarantine import Quarantine, sift
from ingest.repeats import RecentMessages, digest_of
from ingest.settings import DecoderSettings, IngestSettings
from ingest.standing import Standing
from ingest.values import (
    LEFT_OUT,
    ApplianceKey,
    Decoded,
    DeviceReading,
    Ignored,
    Presence,
    Several,
    SignalSpecs,
    slack,
)

Check = Callable[[CanonicalPayload, Waiting, CheckedReadings, Batch], None]
"""Turns payloads that wait into rows and dead letters; it changes nothing else, so it can be done again."""

Heard = DeviceReading | Presence | Ignored
"""One thing that a device's message says."""

WORTH_BYTES = 8_000
"""Of payloads that wait: fewer are checked sooner one by one than columns are made for them."""

_TOPICS_REMEMBERED = 500_000
_UNKNOWN_NAMES_REMEMBERED = 1_000
_NAME_SHOWN = 80  # characters of a name that a device made up
_NEIGHBOURS_TOLD = 1_000
_KINDS_TOLD = 10_000

log = logging.getLogger(__name__)


class Ingest:
    """Decodes batches of messages; holds the last state of devices that send changes only.

    Canonical telemetry is checked by one pydantic call a batch and appliance model (two where single readings and
    arrays come mixed). `signals` says which appliance models exist and what each of their signals can measure.
    Raises ConfigError where a decoder's mapping does not fit them. What raises by a mistake of ours is searched for
    among the messages, and `quarantine` counts and tells it. `alone` means that all messages come here, so that it
    can be learnt how long a device's values stand.
    """

    def __init__(self, settings: IngestSettings, signals: SignalSpecs, *, alone: bool = True) -> None:
        self._settings = settings
        self._names = {model: tuple(specs) for model, specs in signals.items()}
        self._payloads = {
            model: CanonicalPayload(specs, settings.max_readings) for model, specs in signals.items()
        }
        self._plain = {model: PlainPayloads(specs, settings) for model, specs in signals.items()}
        self._decoders = build_decoders(settings.decoders, signals, self._payloads)
        self._standing = [_standing_of(one, alone) for one in settings.decoders]
        self._topics: dict[str, tuple[ApplianceKey, bool]] = {}
        self._unknown: dict[str, set[str]] = {model: set() for model in signals}
        self._told: set[str] = set()  # kinds of what could not be used, of devices
        self._takers_of: dict[str, Sequence[int]] = {}  # by topic
        self._neighbours: set[str] = set()  # topics that are of no appliance
        self._floors = {
            model: np.array([spec.min if slack(spec) else -np.inf for spec in specs.values()])
            for model, specs in signals.items()
        }
        self._left_out: Counter[str] = Counter()
        self._recent = RecentMessages()
        self._last_words = LastWords()
        self._clocks = {model: Clocks(settings.lateness) for model in signals}
        self.quarantine = Quarantine()

    @property
    def subscriptions(self) -> tuple[str, ...]:
        """The MQTT filters that bring everything this can decode."""
        filters = chain(CANONICAL, *(decoder.subscriptions for decoder in self._decoders))
        return tuple(dict.fromkeys(filters))

    def decode(self, messages: Sequence[RawMessage]) -> Decoded:
        """What `messages`, in order of arrival, say. Cost: about 4 us a message of one reading in batches of 1,000."""
        batch = Batch(messages, self._settings.dead_letter_bytes)
        for position, message in enumerate(messages):
            self._sort(position, message, batch)
        for model, waiting in batch.canonical.items():
            one, several = self._read_plain(model, waiting, batch).by_shape()
            self._check(check_single, model, one, batch)
            self._check(check_arrays, model, several, batch)
        for left_out in batch.left_out_of:
            self._tell_left_out(left_out, batch)
        batch.settle_presence()
        models = dict.fromkeys((*batch.plain, *batch.rows))
        blocks = [block for model in models for block in self._blocks(model, batch)]
        for digest in batch.settle_copies():
            self._recent.forget(digest)
        self._left_out.update(batch.left_out)
        readings = sum(map(len, blocks))
        return Decoded(
            blocks,
            batch.dead_letters,
            batch.presence,
            batch.words,
            batch.ignored,
            batch.repeated,
            readings,
            batch.left_out,
        )

    def requests(self) -> list[tuple[str, bytes]]:
        """(topic, payload) that devices are to be sent, since this was asked last: else they are not understood."""
        return [one for decoder in self._decoders for one in decoder.requests()]

    def left_out(self) -> dict[str, int]:
        """Signals that were left out of readings since the process began, by kind. From any thread."""
        return {kind: self._left_out[kind] for kind in LEFT_OUT}

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
            "rising": [decoder.rising.snapshot() for decoder in self._decoders],
            "standing": [None if one is None else one.snapshot() for one in self._standing],
            "unknown": {model: sorted(names) for model, names in self._unknown.items()},
            "told": sorted(self._told),
            "clocks": {model: clocks.snapshot() for model, clocks in self._clocks.items()},
        }

    def restore(self, snapshot: Mapping[str, Any]) -> None:
        """Continue where `snapshot` was taken; decoders are matched by their order in the settings."""
        self._recent.restore(snapshot["recent"])
        self._last_words.restore(snapshot.get("last_words", {}))
        for decoder, state in zip(self._decoders, snapshot["decoders"], strict=False):
            decoder.restore(state)
        for decoder, state in zip(self._decoders, snapshot.get("rising", ()), strict=False):
            decoder.rising.restore(state)
        for standing, state in zip(self._standing, snapshot.get("standing", ()), strict=False):
            if standing is not None and state is not None:
                standing.restore(state)
        self._told = set(snapshot.get("told", ()))
        for model, state in snapshot.get("clocks", {}).items():
            if model in self._clocks:
                self._clocks[model].restore(state)
        for model, names in snapshot["unknown"].items():
            if model in self._unknown:
                self._unknown[model] = set(names)

    def forget(self, named: Callable[[str], bool]) -> None:
        """Between two batches: nothing stays of devices and topics that are `named`; digests of messages do."""
        self.restore(without(self.snapshot(), named))
        self._topics.clear()
        self._takers_of.clear()
        self._neighbours = {topic for topic in self._neighbours if not named(topic)}

    def _sort(self, position: int, message: RawMessage, batch: Batch) -> None:
        """Put canonical telemetry aside for checking; deal with anything else at once."""
        try:
            known = self._topics.get(message.topic)
            if known is None and message.topic not in self._takers_of:
                known = self._canonical(message.topic)
            if known is None:
                if is_about_consent(message.topic):
                    batch.words.append(read_word(message))
                else:
                    self._take_device(position, message, batch)
                return
            self._check_size(message)
            if known[0].appliance_model not in self._payloads:
                raise InputError(f"appliance model '{known[0].appliance_model}' has no profile")
            if known[1]:
                self._wait(position, known[0], message, batch)
            else:
                said = presence(known[0], message)
                batch.take(position, self._with_age(message, said) if isinstance(said, Presence) else said)
        except InputError as error:
            batch.reject(position, str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is of one message
            batch.reject(position, self.quarantine.reason("decode", error))

    def _read_plain(self, model: str, waiting: Waiting, batch: Batch) -> Waiting:
        """What can be used whole becomes columns; answers the others, which are checked one by one."""
        if sum(map(len, waiting.payloads)) < WORTH_BYTES:
            return waiting
        try:
            columns, plain = self._plain[model].read(waiting, batch.received[waiting.positions])
        except Exception as error:  # noqa: BLE001 - the other way is slower, and blames what raises there
            self.quarantine.tell("decode", error)
            return waiting
        batch.plain[model] = columns
        return waiting.only(np.flatnonzero(~plain).tolist())

    def _check(self, check: Check, model: str, waiting: Waiting, batch: Batch) -> None:
        """What waits, checked; a payload that the check raises for becomes a dead letter, the others are used."""
        if not len(waiting):
            return

        def attempt(places: Sequence[int]) -> None:
            part = waiting if len(places) == len(waiting) else waiting.only(places)
            rows = CheckedReadings()
            with batch.as_before_if_it_raises():
                check(self._payloads[model], part, rows, batch)
            batch.rows[model].extend(rows.readings, rows.appliance_ids, rows.messages)

        def alone(place: int, error: Exception) -> None:
            batch.reject(waiting.positions[place], self.quarantine.reason("decode", error))

        sift(range(len(waiting)), attempt, alone)

    def _blocks(self, model: str, batch: Batch) -> list[Block]:
        """The readings as one block, or as several around a message that cannot become one."""
        blocks: list[Block] = []
        rows, plain = batch.rows[model], batch.plain.get(model)

        def attempt(messages: Sequence[int]) -> None:
            whole = len(messages) == len(every)
            part = rows if whole else rows.of_messages(messages)
            read = plain if whole or plain is None else plain.take(np.isin(plain.messages, messages))
            unknown = set(self._unknown[model])
            try:
                with batch.as_before_if_it_raises():
                    blocks.append(self._block(model, part, read, batch))
            except Exception:
                self._unknown[model] = unknown
                raise

        def alone(position: int, error: Exception) -> None:
            batch.reject(position, self.quarantine.reason("decode", error))

        every = sorted({*rows.messages, *(() if plain is None else np.unique(plain.messages).tolist())})
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
            batch.canonical[appliance.appliance_model].add(position, appliance.appliance_id, message.payload)

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
        """What the decoders that have something to do with it make of it, each for its own appliance."""
        takers = self._takers(message.topic)
        if not takers:
            self._pass_by(position, message, batch)
            return
        self._check_size(message)
        places: list[int] = []
        heard: list[Heard] = []
        refused: list[str] = []
        for place in takers:
            try:
                said = self._decoders[place].decode(message)
            except InputError as error:
                refused.append(str(error))
                continue
            if isinstance(said, Several):
                heard.extend(map(_named, said.said))
                refused.extend(said.refused)
                places.extend([place] * len(said.said))
            elif said is not None:
                heard.append(_named(said))
                places.append(place)
        useful = False
        for place, one in zip(places, self._news(message, heard), strict=True):
            if type(one) is Ignored:
                self._tell_why(position, message, one, batch)
                continue
            useful = True
            if type(one) is DeviceReading and one.notes:
                self._tell_left_out(LeftOut(position, one.appliance.appliance_id, one.notes), batch)
            standing = self._standing[place]
            if standing is not None:
                self._stand_until(position, one, message.received, standing, batch)
            batch.take(position, one)
        for reason in refused:
            batch.reject(position, reason)
        if not useful and not refused:
            batch.ignored += 1

    def _stand_until(
        self, position: int, said: Heard, received: int, standing: Standing, batch: Batch
    ) -> None:
        """What stood until `said`, of a device that speaks only when something changes.

        A reading that is refused for its time is none to stand on: all that comes later would be before it.
        """
        if isinstance(said, DeviceReading):
            if self._is_timely(said.time - received):
                for one in standing.before(said):
                    batch.take(position, one)
        elif isinstance(said, Presence) and not said.online:
            standing.forget(ApplianceKey(said.appliance_model, said.appliance_id))

    def _is_timely(self, ahead: int) -> bool:
        """Whether a reading so many ms after its reception is used; see `_untimely`."""
        oldest = self._settings.oldest
        return ahead <= self._settings.clock_ahead and (oldest is None or ahead >= -oldest)

    def _takers(self, topic: str) -> Sequence[int]:
        """All entries that list the device by its name, or the first that takes every device; by their places."""
        found = self._takers_of.get(topic)
        if found is None:
            if len(self._takers_of) >= _TOPICS_REMEMBERED:
                self._takers_of.clear()
            found = self._takers_of[topic] = self._find_takers(topic)
        return found

    def _find_takers(self, topic: str) -> list[int]:
        covering = [place for place, decoder in enumerate(self._decoders) if decoder.covers(topic)]
        if not covering or not self._decoders[covering[0]].names(topic):
            return covering[:1]
        return [place for place in covering if self._decoders[place].names(topic)]

    def _pass_by(self, position: int, message: RawMessage, batch: Batch) -> None:
        """A neighbour's message on a topic that we share with it is ignored, and told of once in the log."""
        topic = message.topic
        if any(decoder.fits(topic) for decoder in self._decoders):
            if topic not in self._neighbours and len(self._neighbours) < _NEIGHBOURS_TOLD:
                self._neighbours.add(topic)
                log.info("%.200s is of no appliance under ingest.decoders: ignored (said once)", topic)
        elif not topic.startswith(OURS):
            raise InputError(
                "topic: neither dt/appliance/{appliance_model}/{appliance_id}/telemetry nor a decoder's"
            )
        batch.take(position, Ignored())

    def _tell_why(self, position: int, message: RawMessage, said: Ignored, batch: Batch) -> None:
        """Why a device's message was of no use, the first time, as a dead letter."""
        if said.note:
            kind = f"{message.topic} {said.about}" if said.about else message.topic
            self._tell_once(position, kind, f"{said.note} (said once a topic)", batch)

    def _tell_left_out(self, one: LeftOut, batch: Batch) -> None:
        """What of a reading was of no use: each kind the first time, as a dead letter, and counted."""
        for what, why in one.signals.items():
            outside = "is outside" in why
            batch.left_out["outside" if outside else "time" if AS_OF_ARRIVAL in why else "not_a_number"] += 1
            kind = f"{one.appliance_id} {what} {'outside' if outside else 'odd'}"
            self._tell_once(one.position, kind, f"{why}; the rest is used (said once)", batch, one.part)

    def _tell_once(
        self, position: int, kind: str, reason: str, batch: Batch, part: tuple[int, bytes] | None = None
    ) -> None:
        if kind in self._told or len(self._told) >= _KINDS_TOLD:
            return
        self._told.add(kind)
        if part is None:
            batch.reject(position, reason)
        else:
            batch.reject_part(position, reason, *part)

    def _news(self, message: RawMessage, heard: Sequence[Heard]) -> Sequence[Heard]:
        """`heard`, but for values of unknown age that the broker kept: a dead device's last word is no news.

        Moquette 0.17 does not mark what it kept; what is told from it is that the topic's last value comes again just
        after a subscription.
        """

        undated = [
            place
            for place, said in enumerate(heard)
            if not isinstance(said, Ignored) and said.time == message.received
        ]
        if not undated:
            return heard
        if not self._is_kept(message):
            return heard
        return [_as_kept(said) if place in undated else said for place, said in enumerate(heard)]

    def _with_age(self, message: RawMessage, said: Presence) -> Presence:
        return _as_kept(said) if self._is_kept(message) else said

    def _is_kept(self, message: RawMessage) -> bool:
        """Whether the broker kept it since nobody knows when; asked once a message."""
        again = self._last_words.again(message.topic, message.payload)
        return message.retained or (again and message.just_subscribed)

    def _block(self, model: str, rows: CheckedReadings, plain: Columns | None, batch: Batch) -> Block:
        """The checks that need more than one reading's payload, on columns; then the block."""
        columns = plain
        if columns is None or rows.messages:
            checked = self._usable(model, rows.in_order_of_arrival(), batch)
            columns = checked if columns is None else columns.with_others(checked)
        np.maximum(
            columns.values, self._floors[model], out=columns.values
        )  # just below zero is rest; NaN stays
        leaps = self._clocks[model].leaps(columns, columns.time - batch.received[columns.messages])
        if leaps is not None:
            columns = columns._replace(time=columns.time - leaps)
            batch.left_out["time"] += int(np.count_nonzero(leaps))
        block = columns.block(model, self._names[model])
        batch.used.update(np.unique(columns.messages).tolist())
        return _in_order_of_time(block)

    def _usable(self, model: str, rows: CheckedReadings, batch: Batch) -> Columns:
        """Of readings that pydantic checked those that can be used; the others become dead letters."""
        self._report_unknown(model, rows, batch)
        time, values = rows.times(), rows.matrix(len(self._names[model]))
        reasons = self._reasons(model, rows, time - batch.received[rows.messages], values)
        if reasons:
            batch.reject_rows(rows, sorted(reasons.items()))
            good = np.delete(np.arange(len(time)), list(reasons))
            rows, time, values = rows.keep(good), time[good], values[good]
        return rows.columns(time, values)

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
        first, taken = rows.take_unknown_signals(len(self._names[model]))
        batch.left_out["unknown"] += taken
        for name, row in first.items():
            short = name[:_NAME_SHOWN]
            if short not in reported and len(reported) < _UNKNOWN_NAMES_REMEMBERED:
                reported.add(short)
                by_row.setdefault(row, []).append(f"signals.{short}")
        for row, names in by_row.items():
            batch.reject_row(rows, row, _unknown(model, names))


def _standing_of(settings: DecoderSettings, alone: bool) -> Standing | None:
    if settings.holds_for == "learnt":
        return Standing(None) if alone else None
    return None if settings.holds_for is None else Standing(settings.holds_for)


@overload
def _as_kept(said: Presence) -> Presence: ...
@overload
def _as_kept(said: Heard) -> Heard: ...
def _as_kept(said: Heard) -> Heard:
    """What the broker kept: a reading is of no use, presence no news."""
    return replace(said, news=False) if isinstance(said, Presence) else Ignored()


def _named(said: Heard) -> Heard:
    """A device that no entry lists goes by its own name, if that can be an appliance's."""
    if type(said) is Ignored:
        return said
    name = said.appliance.appliance_id if type(said) is DeviceReading else said.appliance_id  # type: ignore[union-attr]
    if _can_be_id(name):
        return said
    unlisted = f"device '{name:.80}' cannot be an appliance id: give it one under appliances"
    return Ignored(unlisted if type(said) is DeviceReading else "", name)


_can_be_id = lru_cache(maxsize=100_000)(is_appliance_id)


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
